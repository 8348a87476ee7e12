#!/usr/bin/env bash
# Fill a folder of results for `fairseq-cmlm course`, from what a recipe of translation has left in WORK.
#
#   collect.sh RECIPE DIRECTION WORK MODEL RESULTS [OTHER...]
#
# MODEL is the CMLM that is shown, OTHER those that are compared with it: names of trained folders in WORK/DIRECTION, which
# has a teacher. Traces, modules, views, report and memory are made of MODEL where they lack; the logs are those of all tables
# of ablations in TABLES. SENTENCES (400): of the validation text, for the report; SHOWN ("27 68"): the lines of it that are
# drawn; TRACED ("1,16"): the lines whose passes are averaged. Interrupted, it goes on.
usage="usage: collect.sh RECIPE DIRECTION WORK MODEL RESULTS [OTHER...]"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage} results=${5:?$usage}
shift 5
. "$(dirname "$0")/../steps/recipe.sh"
settings "$recipe" "$direction"
. "$examples/course/keep.sh"
work=$(readlink -f "$work") # so that its name is found in reports, and nothing else
folder=$work/$direction checkpoint=$work/$direction/$model/averaged.pt
for name in teacher "$model" "$@"; do
    [ -e "$folder/$name/averaged.pt" ] || fail "$folder/$name/averaged.pt is missing: run average.sh first"
done
words tables "${TABLES:-}"
[ -n "${TABLES:-}" ] ||
    tables=("$examples"/multi30k/{objectives,texts,search,long}.txt "$examples"/ablations/{training,optimisation}.txt)

# named_work FILE: the file, in which the folder is called WORK.
named_work() {
    local content
    content=$(< "$1")
    printf '%s\n' "${content//"$work"/WORK}"
}

# keep_table TABLE: the logs of its variants.
keep_table() {
    local name rest
    while IFS='|' read -r name rest || [ -n "$name" ]; do
        read -r name <<< "$name"
        case $name in '' | '#'*) continue ;; esac
        keep "$(basename "$1" .txt)" "$folder/$name/train.log" "$name"
    done < "$1"
}

trace() { fairseq-cmlm trace "$checkpoint" --alternatives 0 --length-beam 1 "${@:1:$#-1}" --output "${!#}"; }

[ ! -e "$results/model.json" ] || grep -qF "\"checkpoint\": \"$model\"" "$results/model.json" ||
    fail "$results shows another model than $model (model.json): take another folder, or remove model.json, views.json and traces"
mkdir -p "$results"/{traces,reports}
for side in "$source" "$target"; do
    for line in ${SHOWN:-27 68}; do sed -n "${line}p" "$work/raw/valid.$side"; done > "$results/shown.$side.part"
    sed -n "${TRACED:-1,16}p" "$work/raw/valid.$side" > "$results/traced.$side.part"
    head -n "${SENTENCES:-400}" "$work/raw/valid.$side" > "$folder/course.$side"
done
trap 'rm -f "$results"/*.part' EXIT
[ -e "$results/model.json" ] ||
    python "$examples/course/model.py" "$checkpoint" "$results/shown.$source.part" "$results/shown.$target.part" "$results"
[ -e "$results/traces/passes.json" ] ||
    trace --source "$results/traced.$source.part" --decoding-iterations 10 "$results/traces/passes.json"
[ -e "$results/traces/strategies.json" ] ||
    trace --source "$results/shown.$source.part" --decoding-iterations 6 --settings \
        decoding_strategy=without_remasking,confidence_threshold=0.7 decoding_strategy=remdm_cap,decoding_eta=0.3 \
        decoding_strategy=left_to_right,beam=1 "$results/traces/strategies.json"
for table in "${tables[@]}"; do keep_table "$table"; done
for name in raw distilled warm-raw warm-distilled; do keep models "$folder/$name/train.log" "$name"; done
keep long "$folder/teacher/train.log" teacher

others=()
for name in "$@"; do others+=("$name=$folder/$name/averaged.pt"); done
[ $# = 0 ] || others=(--compare "${others[@]}")
words options "${REPORT:-}"
if [ ! -e "$results/reports/$model.json" ]; then
    fairseq-cmlm report "$checkpoint" --name "$model" --teacher "$folder/teacher/averaged.pt" "${others[@]}" \
        --source "$folder/course.$source" --reference "$folder/course.$target" --data "$work/data" -s "$source" -t "$target" \
        --output "$folder/course-report" --rounds 1 \
        --tables repetition candidates lengths samplers speed choice ${others[0]:+comparison} "${options[@]}" > /dev/null
    named_work "$folder/course-report/report.json" > "$results/reports/$model.json"
fi
if [ ! -e "$results/memory.json" ]; then
    python -m benchmarks decoding --features 256 --layers 3 --vocabulary 4104 --sentences 16 --batch-sizes 16 --rounds 1 \
        --iterations 10 --candidates 5 --systems ours ours-int8 fairseq-cmlm 'fairseq-3-3-*' --output "$folder/course-memory" > /dev/null
    named_work "$folder/course-memory.json" > "$results/memory.json"
fi
echo "fairseq-cmlm course $results --output FOLDER"
