#!/usr/bin/env bash
# Translate the test set as the released code does.
#
#   translate.sh PAIR WORK ITERATIONS      WORK holds model/ and data/; WORK/test/T=ITERATIONS.out receives the output
#
# What stands is not done again. OPTIONS (more options of fairseq-generate) may be set.
set -euo pipefail
usage="usage: translate.sh PAIR WORK ITERATIONS"
pair=${1:?$usage} work=${2:?$usage} iterations=${3:?$usage}
. "$(dirname "$0")/pair.sh"
# Line breaks separate options as spaces do.
read -r -d '' -a options < <(printf '%s\0' "${OPTIONS:-}")
output=$work/test/T=$iterations.out
refuse_other "$output" "PAIR=$pair OPTIONS=${options[*]}"
[ -s "$output" ] && exit 0
# The paper scored tokens, which the text pipeline of the model would join; zh_en as plain English text.
[ "$tokenize" != 13a ] || options+=(--tokenizer moses)
fairseq-generate "$work/data" -s "$source" -t "$target" --user-dir "$(fairseq-cmlm path)" --task translation_cmlm \
    --path "$work/model/model.pt" --original-decoding --decoding-iterations "$iterations" --length-beam 5 \
    --text-pipeline none --post-process subword_nmt --distributed-world-size 1 "${options[@]}" \
    > "$output.part" 2> "$output.log" || { tail -n 5 "$output.log" >&2; exit 1; }
mv "$output.part" "$output"
