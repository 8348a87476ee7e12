#!/usr/bin/env bash
# Masked models beside beam search, decoded in all ways that docs/RESULTS.md compares, in one table.
#
#   one_table.sh RECIPE DIRECTION WORK MODEL...      MODEL: CMLMs that train.sh or ../ablations/run.sh has left in
#                                                    WORK/DIRECTION, such as warm-mixed-hybrid of multi30k/long.txt
#
# Each is decoded by the presets; in four passes; in these chosen, and also planned, by the teacher and, where it is trained, by
# teacher-mixed; and in a pool with the hypotheses of either. A model of --objective hybrid reads for itself too, writes from left
# to right, and verifies that. SPLIT (valid, or test) may be set, and LENPEN: length penalties that the two search with as well,
# such as "2 3", for a search that writes too short loses by that alone. The table is WORK/DIRECTION/SPLIT/one_table.md: quality,
# length ratio, passes and seconds, and differences from the teacher's beam search and, where it is there, from that of
# teacher-mixed. What stands is not decoded again.
usage="usage: one_table.sh RECIPE DIRECTION WORK MODEL..."
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage}
: "${4:?$usage}"
shift 3
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
[ -z "$format" ] || fail "'$recipe' is of a format: task.sh makes its table"
split=${SPLIT:-valid} folder=$work/$direction outputs=()

# translate MODEL WAY
translate() { NAME=$1 SPLIT=$split bash "$examples/steps/translate.sh" "$recipe" "$direction" "$work" "$@"; }

# output MODEL WAY: translate, and have it scored.
output() {
    translate "$@"
    outputs+=("$folder/$split/$1,$(way_of "$@").out")
}

# read_by MODEL OTHER: chosen, planned, and pooled with what it writes, by another model.
read_by() {
    local way
    for way in "rescored-$2" "planned-$2,rescored-$2" "pool-$2"; do output "$1" "T=4,$way"; done
}

# masked MODEL: with all that it can be pooled with.
masked() {
    local way rival file
    [[ $1 =~ ^[A-Za-z0-9._-]+$ ]] || fail "'$1' is no name of a folder in $folder: its letters may be A-Z, a-z, 0-9, ., _ and -"
    for file in "$folder/$1/averaged.pt" "$folder/$1/training"; do
        [ -e "$file" ] || fail "$file is missing: run train.sh and average.sh, or examples/ablations/run.sh, first"
    done
    for way in full fast best full,T=4; do output "$1" "$way"; done
    for rival in "${rivals[@]}"; do read_by "$1" "$rival"; done
    grep -q -- '--objective hybrid' "$folder/$1/training" || return 0
    read_by "$1" itself
    for way in verified left-to-right; do output "$1" "$way"; done
}

[ -e "$work/raw/$split.$target" ] || fail "$work/raw/$split.$target is missing: SPLIT may be valid or test"
rivals=() rows=()
for rival in teacher teacher-mixed; do
    [ -e "$folder/$rival/averaged.pt" ] || continue
    translate "$rival" 5
    rivals+=("$rival")
    for power in ${LENPEN:-}; do output "$rival" "5,lenpen=$power"; done
done
[ ${#rivals[@]} -gt 0 ] || fail "$folder/teacher/averaged.pt is missing: run average.sh $recipe $direction $work teacher first"
for model in "$@"; do masked "$model"; done
for rival in "${rivals[@]}"; do
    rows+=("$(fairseq-cmlm score "${outputs[@]}" --reference "$work/raw/$split.$target" \
        --against "$folder/$split/$rival,beam=5.out")")
done
printf '%s\n\n' "${rows[@]}" | tee "$folder/$split/one_table.md.part"
mv "$folder/$split/one_table.md.part" "$folder/$split/one_table.md"
