#!/usr/bin/env bash
# Put the results of a task (../steps/task.sh) and the logs of its trainings into a folder of results for `fairseq-cmlm course`.
#
#   collect_task.sh NAME WORK RESULTS      NAME as the course knows the task: sst2, data_to_text ...
usage="usage: collect_task.sh NAME WORK RESULTS"
set -euo pipefail
name=${1:?$usage} work=${2:?$usage} results=${3:?$usage}
work=${work%/}
[ -e "$work/results.json" ] || { echo "$work/results.json is missing: task.sh makes it" >&2; exit 1; }
mkdir -p "$results/tasks"
cp "$work/results.json" "$results/tasks/$name.json"
[ ! -e "$work/confusion.svg" ] || cp "$work/confusion.svg" "$results/tasks/$name.svg"
# The models of another format of the records, and the one that learns to fill in, have folders of their own in WORK.
. "$(dirname "$0")/keep.sh"
while read -r log; do
    model=$(dirname "${log#"$work/"}")
    model=${model/source-target\//}
    keep "$name" "$log" "${model//\//,}"
done < <(find "$work" -name train.log)
[ ! -e "$work/steps.log" ] || install -D -m 644 "$work/steps.log" "$results/logs/$name/steps.txt"
