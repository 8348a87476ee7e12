#!/usr/bin/env bash
# One direction of a recipe from the publishers' text to the table of BLEU.
#
#   run.sh RECIPE DIRECTION WORK [TEXT]
#
# RECIPE is a folder of examples or examples/wmt with settings.sh, such as wmt14_en_de; DIRECTION is en-de or de-en, and so
# on; WORK may be shared by both directions, at the same time too. TEXT is a folder with {train,valid,test}.{en,FOREIGN};
# without it the text is downloaded. MODELS ("distilled", or any of those that train.sh names, as "raw distilled"),
# ITERATIONS ("4 10", and any way of translate.sh) and what the steps take may be set. What stands is not done again; an
# interrupted step goes on or is done again.
usage="usage: run.sh RECIPE DIRECTION WORK [TEXT]"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} text=${4:-$3/text}
steps=$(dirname "$(readlink -f "$0")") # examples/wmt/run.sh is a link to this file
. "$steps/recipe.sh"
settings "$recipe" "$direction"
[ -z "$format" ] || fail "'$recipe' is of the format $format: task.sh is for it"
for name in SPLIT NAME INFILL DRAW; do [ -z "${!name:-}" ] || fail "$name is for translate.sh alone: leave it out"; done
. "$examples/environment.sh"
step() { bash "$steps/$1.sh" "$recipe" "${@:2}"; }

[ $# -gt 3 ] || step download "$work"
step prepare "$work" "$text"
step train "$direction" "$work" teacher
step average "$direction" "$work" teacher
step translate "$direction" "$work" teacher 5
outputs=("$work/$direction/test/teacher,beam=5.out")
step distill "$direction" "$work"
for model in ${MODELS:-distilled}; do
    step train "$direction" "$work" "$model"
    step average "$direction" "$work" "$model"
    for way in $(ways "$model" "${ITERATIONS:-4 10}"); do
        step translate "$direction" "$work" "$model" "$way"
        outputs+=("$work/$direction/test/$model,$(way_of "$model" "$way").out")
    done
done
step score "$direction" "$work" "${outputs[@]}"
