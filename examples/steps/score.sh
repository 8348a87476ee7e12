#!/usr/bin/env bash
# Score translations as the paper did and by sacreBLEU and chrF, beside the paper's figures.
#
#   score.sh RECIPE DIRECTION WORK OUTPUT...      WORK/DIRECTION/scores.md receives the table, which is printed too, and
#                                                  each WORK/DIRECTION/MODEL its model card, README.md
#
# The paper's BLEU is tokenised BLEU, for Chinese sacreBLEU. Tokenised BLEU depends on the tokens: compare it only with
# figures of the same tokenisation.
usage="usage: score.sh RECIPE DIRECTION WORK OUTPUT..."
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage}
: "${4:?$usage}"
shift 3
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
options=(--reference "$work/raw/test.$target")
[ "$target" != zh ] || options+=(--tokenize zh)
[ "$foreign" = zh ] || options+=(--tokenised-reference "$work/tokens/test/$target")
scores=$work/$direction/scores.md part=$work/$direction/scores.$$.part
if [ ${#paper[@]} = 0 ]; then
    fairseq-cmlm score "$@" "${options[@]}" > "$part"
else
    figures=
    for output in "$@"; do
        name=$(basename "$output" .out)
        figures+=" ${paper["$direction $name"]:--}"
    done
    # They stand behind the measures, and before what the outputs have cost.
    fairseq-cmlm score "$@" "${options[@]}" | awk -F '|' -v OFS='|' -v figures="$figures" '
        BEGIN { split(figures, paper, " ") }
        NR == 1 { for (place = 2; place < NF && $place !~ /^ (passes|seconds) $/;) place++ }
        /^\|/ { $place = (NR == 1 ? " BLEU in the paper " : NR == 2 ? "---" : " " paper[NR - 2] " ") "|" $place }
        { print }' > "$part"
fi
mv "$part" "$scores"
bash "$examples/steps/card.sh" "$recipe" "$direction" "$work" "$scores" "$@"
cat "$scores"
