#!/usr/bin/env bash
# Translate the test set, or the validation set.
#
#   translate.sh RECIPE DIRECTION WORK MODEL SIZE
#
# MODEL is as in train.sh; SIZE is the number of iterations T of a CMLM (5 length candidates), the beam of the teacher. The output of
# fairseq-generate goes to WORK/DIRECTION/test/MODEL,T=SIZE.out (teacher,beam=SIZE.out). SPLIT (test, or valid) and DECODING
# (more options of fairseq-generate) may be set.
usage="usage: translate.sh RECIPE DIRECTION WORK MODEL SIZE"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage} size=${5:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
split=${SPLIT:-test} checkpoint=$work/$direction/$model/averaged.pt
[ -e "$checkpoint" ] || fail "$checkpoint is missing: run average.sh $recipe $direction $work $model first"
words options "${DECODING:-}"
# Models of fairseq's own tasks do not know how their text was prepared.
text=(--tokenizer text_pipeline --text-pipeline "$work/data/text.json")
case $model in
    teacher) options+=("${text[@]}" --task translation --beam "$size" --max-len-a 2 --max-len-b 10) name=teacher,beam=$size ;;
    # The maximum of fairseq's own does not count the first pass.
    fairseq) options+=("${text[@]}" --task translation_lev --iter-decode-max-iter $((size - 1)) --iter-decode-force-max-iter
        --iter-decode-with-beam 5 --beam 1) name=$model,T=$size ;;
    # Candidates are chosen as in the paper, unless DECODING says otherwise.
    *) options=(--task translation_cmlm --decoding-iterations "$size" --length-beam 5 --length-prior 0 "${options[@]}")
        name=$model,T=$size ;;
esac
find_gpus
[ ${#gpus[@]} != 0 ] || options+=(--cpu)

translate() {
    fairseq-generate "$work/data" -s "$source" -t "$target" --user-dir "$(plugin)" --path "$checkpoint" --gen-subset "$split" \
        --max-tokens 4096 --distributed-world-size 1 "${options[@]}" > "$1"
}

make "$work/$direction/$split/$name.out" "$checkpoint" translate
