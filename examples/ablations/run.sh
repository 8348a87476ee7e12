#!/usr/bin/env bash
# Train variants of the Multi30k model, alike but for the options in a table, and score each on the validation text.
#
#   run.sh WORK RAW TABLE...     RAW holds {train,valid,test}.{en,de}; TABLE is training.txt, optimisation.txt or your own
#
# A line of a table is NAME | DATA | OPTIONS: the folder of binarised data in WORK, and options of fairseq-train, which win
# over those of ../multi30k/train.sh. A variant is trained and translated once, in WORK/ablations/NAME; an interrupted one
# goes on. ITERATIONS ("1 4 10"), UPDATES, SEED and MERGES may be set.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage="usage: run.sh WORK RAW TABLE..."
work=${1:?$usage} raw=${2:?$usage}
: "${3:?$usage}"
shift 2
. "$here/../environment.sh"
recipe=$here/../multi30k

fail() { echo "run.sh: $*" >&2; exit 1; }

bash "$recipe/prepare.sh" "$raw" "$work"
work=$(cd "$work" && pwd)
for table in "$@"; do [ -f "$table" ] || fail "there is no table $table"; done
names=() datas=() settings=()
while IFS='|' read -r name data options; do
    read -r name <<< "$name"
    read -r data <<< "$data"
    case $name in '' | '#'*) continue ;; esac
    [[ $name =~ ^[A-Za-z0-9._-]+$ ]] || fail "the name '$name' of a variant may hold letters, digits and ._- only"
    [ -d "$work/${data:?run.sh: the variant $name names no data folder}" ] ||
        fail "the variant '$name' needs the binarised data $work/$data: make it, or take the line out of the table"
    names+=("$name") datas+=("$data") settings+=("$options")
done < <(cat "$@")
[ ${#names[@]} -gt 0 ] || fail "there is no variant in $*"

outputs=()
for i in "${!names[@]}"; do
    name=${names[i]} folder=$work/ablations/${names[i]}
    read -r wanted <<< "${datas[i]}, updates ${UPDATES:-3500}, seed ${SEED:-1}, options: ${settings[i]}"
    mkdir -p "$folder"
    [ -e "$folder/variant" ] || echo "$wanted" > "$folder/variant"
    [ "$(cat "$folder/variant")" = "$wanted" ] ||
        fail "$folder is of the variant '$(cat "$folder/variant")', and '$wanted' is wanted: remove it, or take another name"
    ln -sfn "$work/${datas[i]}" "$folder/data"
    ln -sfn "$work/bpe" "$folder/bpe"
    if [ ! -e "$folder/trained" ]; then
        echo "== training $name ($wanted)"
        OPTIONS=${settings[i]} bash "$recipe/train.sh" ours "$folder" > "$folder/log" 2>&1 || { tail -n 5 "$folder/log" >&2; exit 1; }
        touch "$folder/trained"
    fi
    for iterations in ${ITERATIONS:-1 4 10}; do
        bash "$recipe/translate.sh" ours "$folder" "$iterations" 5 valid
        # A table of scores names its rows by the files.
        output=$work/ablations/$name,T=$iterations.out
        ln -sfn "$name/ours/valid/T=$iterations,l=5.out" "$output"
        outputs+=("$output")
    done
done
fairseq-cmlm score "${outputs[@]}" --reference "$raw/valid.de"
