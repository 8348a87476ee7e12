#!/usr/bin/env bash
# Train variants of a recipe's CMLM, or of its rival, alike but for the options in a table, and score each on the
# validation text.
#
#   run.sh RECIPE DIRECTION WORK TABLE...      WORK is the folder of ../steps/run.sh; TABLE is training.txt,
#                                              optimisation.txt or your own
#
# A line of a table is NAME | MODEL | OPTIONS: a model that ../steps/train.sh names, and options of fairseq-train, which win
# over the recipe's. A variant is trained, averaged and translated once, in WORK/DIRECTION/NAME; an interrupted one goes on.
# ITERATIONS ("1 4 10", and any way of translate.sh), and what the steps take, may be set.
usage="usage: run.sh RECIPE DIRECTION WORK TABLE..."
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage}
: "${4:?$usage}"
shift 3
. "$(dirname "$0")/../steps/recipe.sh"
settings "$recipe" "$direction"
. "$examples/environment.sh"
step() { bash "$examples/steps/$1.sh" "$recipe" "$direction" "$work" "${@:2}"; }

for table in "$@"; do [ -f "$table" ] || fail "there is no table $table"; done
names=() models=() variants=()
while IFS='|' read -r name model options || [ -n "$name" ]; do
    read -r name <<< "$name"
    read -r model <<< "$model"
    case $name in '' | '#'*) continue ;; esac
    [[ $name =~ ^[A-Za-z0-9._-]+$ ]] || fail "the name '$name' of a variant may hold letters, digits and ._- only"
    case $name in teacher | fairseq) fail "'$name' is the name of another model: call the variant otherwise" ;; esac
    [ "$model" != teacher ] || fail "the variant $name is of the model teacher, which takes no options here: give TEACHER_OPTIONS to task.sh or run.sh of ../steps"
    names+=("$name") models+=("${model:?the variant $name names no model}") variants+=("$options")
done < <(awk 1 "$@")
[ ${#names[@]} -gt 0 ] || fail "there is no variant in $*"

outputs=() updates=${UPDATES:-300000}
for i in "${!names[@]}"; do
    name=${names[i]} folder=$work/$direction/${names[i]}
    for trained in "$folder"/*.done; do
        number=$(basename "$trained" .done)
        [ ! -e "$trained" ] || [ "$number" = "$updates" ] ||
            fail "$folder is trained for $number updates, and $updates are wanted: remove it, or take another name"
    done
    NAME=$name OPTIONS="${OPTIONS:-} ${variants[i]}" step train "${models[i]}"
    step average "$name"
    for way in $(ways "${models[i]}" "${ITERATIONS:-1 4 10}"); do
        NAME=$name SPLIT=valid step translate "${models[i]}" "$way"
        outputs+=("$work/$direction/valid/$name,$(way_of "${models[i]}" "$way").out")
    done
done
options=()
[ "$target" != zh ] || options=(--tokenize zh)
fairseq-cmlm score "${outputs[@]}" --reference "$work/raw/valid.$target" "${options[@]}"
