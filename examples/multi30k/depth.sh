#!/usr/bin/env bash
# Train the models of depth.txt, each from an autoregressive model of its shape, on the human translations and the teacher's.
#
#   depth.sh DIRECTION WORK [NAME...]      NAME of depth.txt (all); WORK has the text of prepare.sh
#
# What the steps take may be set. What stands is not done again; an interrupted training goes on.
usage="usage: depth.sh DIRECTION WORK [NAME...]"
direction=${1:?$usage} work=${2:?$usage}
shift 2
. "$(dirname "$0")/../steps/recipe.sh"
: "${TEACHER_UPDATES:=2200}" "${UPDATES:=5000}" "${TOKENS:=2048}" "${MAX_TOKENS:=2048}" "${SAVE_EVERY:=500}"
export TEACHER_UPDATES UPDATES TOKENS MAX_TOKENS SAVE_EVERY
settings multi30k "$direction"
export OPTIONS+=" --warmup-updates 400"
step() { bash "$examples/steps/$1.sh" multi30k "$direction" "$work" "${@:2}"; }

table=$work/$direction/depth.txt
mkdir -p "$work/$direction"
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(grep -o '^depth-[^ ]*' "$examples/multi30k/depth.txt")
for name in "${names[@]}"; do
    grep -E "^$name +\|" "$examples/multi30k/depth.txt" || fail "depth.txt has no line '$name'"
done > "$table"
step train teacher
step average teacher
while IFS='|' read -r name model options; do
    read -r model <<< "$model"
    [[ $model = *-from-* ]] || continue
    NAME=${model#*-from-} TEACHER_OPTIONS="$TEACHER_OPTIONS $options" step train teacher
    step average "${model#*-from-}"
done < "$table"
step distill
bash "$examples/ablations/run.sh" multi30k "$direction" "$work" "$table"
