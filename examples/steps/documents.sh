#!/usr/bin/env bash
# Translate the documents of the test set, or of the validation set.
#
#   documents.sh RECIPE DIRECTION WORK MODEL SIZE WAY
#
# MODEL is the folder of a model, a CMLM or fairseq's autoregressive Transformer; SIZE is T=10, the passes of a CMLM, or
# beam=5; WAY is windows, blocks or paragraphs, as `fairseq-cmlm documents` takes it. The output goes to
# WORK/DIRECTION/test/MODEL,SIZE,WAY.out. SPLIT (test, or valid), WINDOW (tokens of a window) and DECODING (more options of
# fairseq-cmlm documents, for a CMLM) may be set.
usage="usage: documents.sh RECIPE DIRECTION WORK MODEL SIZE WAY"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage} size=${5:?$usage} way=${6:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
split=${SPLIT:-test} checkpoint=$work/$direction/$model/averaged.pt
[ -e "$checkpoint" ] || fail "$checkpoint is missing: run average.sh $recipe $direction $work $model first"
case $size in
    T=?*) words options "--decoding-iterations ${size#T=} ${DECODING:-}" ;;
    beam=?*) options=(--beam "${size#beam=}") ;;
    *) fail "the size '$size' is neither T=10, passes, nor beam=5" ;;
esac
find_gpus
[ ${#gpus[@]} = 0 ] || options+=(--device cuda)

translate() {
    fairseq-cmlm documents "$checkpoint" "$work/text/$split.jsonl" --data "$work/data" -s "$source" -t "$target" --way "$way" \
        --longest "$WINDOW" "${options[@]}" > "$1"
}

made_with="WINDOW=$WINDOW DECODING=${DECODING:-}"
make "$work/$direction/$split/$model,$size,$way.out" "$checkpoint" translate
