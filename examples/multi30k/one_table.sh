#!/usr/bin/env bash
# Masked models beside beam search, decoded in all ways that docs/RESULTS.md compares, in one table.
#
#   one_table.sh DIRECTION WORK MODEL...      MODEL: CMLMs that ../ablations/run.sh has left in WORK/DIRECTION, such as
#                                             warm-mixed-hybrid of long.txt
#
# Each is decoded by the presets, with four passes, and in pools with the hypotheses of the teacher and, where it is trained,
# of teacher-mixed; a model of --objective hybrid also in a pool with itself, from left to right, and that verified. SPLIT
# (valid, or test) may be set. The table is WORK/DIRECTION/SPLIT/one_table.md: differences from the teacher's beam search
# and, where it is there, from that of teacher-mixed. What stands is not decoded again.
usage="usage: one_table.sh DIRECTION WORK MODEL..."
direction=${1:?$usage} work=${2:?$usage}
: "${3:?$usage}"
shift 2
. "$(dirname "$0")/../steps/recipe.sh"
settings multi30k "$direction"
split=${SPLIT:-valid} folder=$work/$direction outputs=()

# translate MODEL WAY
translate() { NAME=$1 SPLIT=$split bash "$examples/steps/translate.sh" multi30k "$direction" "$work" "$@"; }

# output MODEL WAY: translate, and have it scored.
output() {
    translate "$@"
    outputs+=("$folder/$split/$1,$(way_of "$@").out")
}

# masked MODEL: with all that it can be pooled with.
masked() {
    local way rival
    [[ $1 =~ ^[A-Za-z0-9._-]+$ ]] || fail "'$1' is no name of a folder in $folder: its letters may be A-Z, a-z, 0-9, ., _ and -"
    for file in "$folder/$1/averaged.pt" "$folder/$1/training"; do
        [ -e "$file" ] || fail "$file is missing: run examples/ablations/run.sh first"
    done
    for way in full fast best full,T=4; do output "$1" "$way"; done
    for rival in "${rivals[@]}"; do output "$1" "T=4,pool-$rival"; done
    grep -q -- '--objective hybrid' "$folder/$1/training" || return 0
    for way in T=4,pool-itself verified left-to-right; do output "$1" "$way"; done
}

[ -e "$work/raw/$split.$target" ] || fail "$work/raw/$split.$target is missing: SPLIT may be valid or test"
rivals=() rows=()
for rival in teacher teacher-mixed; do
    [ -e "$folder/$rival/averaged.pt" ] || continue
    translate "$rival" 5
    rivals+=("$rival")
done
[ ${#rivals[@]} -gt 0 ] || fail "$folder/teacher/averaged.pt is missing: run average.sh multi30k $direction $work teacher first"
for model in "$@"; do masked "$model"; done
for rival in "${rivals[@]}"; do
    rows+=("$(fairseq-cmlm score "${outputs[@]}" --reference "$work/raw/$split.$target" \
        --against "$folder/$split/$rival,beam=5.out")")
done
printf '%s\n\n' "${rows[@]}" | tee "$folder/$split/one_table.md.part"
mv "$folder/$split/one_table.md.part" "$folder/$split/one_table.md"
