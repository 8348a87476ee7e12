#!/usr/bin/env bash
# The tables and plots of `fairseq-cmlm report`: a CMLM beside its teacher and other CMLMs, on the test set.
#
#   report.sh RECIPE DIRECTION WORK MODEL [OTHER...]      WORK/DIRECTION/report receives report.md, report.json, plots,
#                                                            and the curves of the trainings: curves.md, curves.png
#
# MODEL and OTHER are of those that train.sh names, but for teacher and fairseq. Raw text goes in, and text is scored. REPORT (more options of the report) may be set. Interrupted, it goes on.
usage="usage: report.sh RECIPE DIRECTION WORK MODEL [OTHER...]"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage}
shift 4
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
folder=$work/$direction
for name in teacher "$model" "$@"; do
    [ -e "$folder/$name/averaged.pt" ] || fail "$folder/$name/averaged.pt is missing: run average.sh first"
done
others=()
for name in "$@"; do others+=("$name=$folder/$name/averaged.pt"); done
[ $# = 0 ] || others=(--compare "${others[@]}")
words options "${REPORT:-}"
find_gpus
[ ${#gpus[@]} = 0 ] || options=(--device cuda "${options[@]}")
fairseq-cmlm report "$folder/$model/averaged.pt" --name "$model" --teacher "$folder/teacher/averaged.pt" "${others[@]}" \
    --source "$work/raw/test.$source" --reference "$work/raw/test.$target" --data "$work/data" -s "$source" -t "$target" \
    --output "$folder/report" "${options[@]}"

logs=()
for name in "$model" "$@" fairseq; do
    [ ! -e "$folder/$name/train.log" ] || logs+=("$name=$folder/$name/train.log")
done
fairseq-cmlm curves "${logs[@]}" --output "$folder/report"
