#!/usr/bin/env bash
# Score the translations as the paper did, beside its figures.
#
#   score.sh PAIR WORK ITERATIONS...
set -euo pipefail
usage="usage: score.sh PAIR WORK ITERATIONS..."
pair=${1:?$usage} work=${2:?$usage}
: "${3:?$usage}"
. "$(dirname "$0")/pair.sh"
shift 2
outputs=() figures=
for iterations in "$@"; do
    outputs+=("$work/test/T=$iterations.out")
    figures+=" T=$iterations:${paper[iterations]:--}"
done
[ "$tokenize" = none ] && reference=$work/tokens/test/$target || reference=$work/raw/test.$target
fairseq-cmlm score "${outputs[@]}" --reference "$reference" --tokenize "$tokenize" | awk -v figures="$figures" '
    BEGIN { count = split(figures, pairs, " "); for (i = 1; i <= count; i++) { split(pairs[i], p, ":"); paper[p[1]] = p[2] } }
    NR == 1 { print $0 " BLEU in the paper |"; next }
    NR == 2 { print $0 "---|"; next }
    /^\|/ { print $0 " " paper[$2] " |"; next }
    { print }'
