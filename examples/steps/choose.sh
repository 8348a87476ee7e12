#!/usr/bin/env bash
# Answer a text by the best of what is possible: labels, or spans of the text that a question is about.
#
#   choose.sh RECIPE DIRECTION WORK MODEL
#
# MODEL is the folder of a model, a CMLM or for labels also fairseq's autoregressive Transformer. The answers go to
# WORK/DIRECTION/test/MODEL,labels.out or MODEL,spans.out, as the recipe says. The temperature of probabilities of labels is
# fitted to the validation text, unless that is what is answered. SPLIT (test, or valid) and CHOOSE (more options of
# fairseq-cmlm choose) may be set.
usage="usage: choose.sh RECIPE DIRECTION WORK MODEL"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
split=${SPLIT:-test} checkpoint=$work/$direction/$model/averaged.pt
[ -n "${choice:-}" ] || fail "the recipe $recipe has nothing to choose from: translate.sh is for it"
[ -e "$checkpoint" ] || fail "$checkpoint is missing: run average.sh $recipe $direction $work $model first"
words options "${CHOOSE:-}"
[ "$choice" != labels ] || [ "$split" = valid ] || options+=(--calibrate-on "$work/text/valid.jsonl")
find_gpus
[ ${#gpus[@]} = 0 ] || options+=(--device cuda)

choose() {
    fairseq-cmlm choose "$checkpoint" "$work/text/$split.jsonl" --data "$work/data" -s "$source" -t "$target" "${options[@]}" > "$1"
}

made_with="CHOOSE=${CHOOSE:-}"
make "$work/$direction/$split/$model,$choice.out" "$checkpoint" choose
