#!/usr/bin/env bash
# Translate a split with the best checkpoint of train.sh.
#
#   translate.sh SYSTEM WORK ITERATIONS LENGTHS [SPLIT]
#
# SYSTEM is ours or fairseq; LENGTHS is the number of length candidates; SPLIT is test (default) or valid. The output of
# fairseq-generate goes to WORK/SYSTEM/SPLIT/T=ITERATIONS,l=LENGTHS.out; what stands is not done again.
set -euo pipefail
usage="usage: translate.sh ours|fairseq WORK ITERATIONS LENGTHS [SPLIT]"
system=${1:?$usage} work=${2:?$usage} iterations=${3:?$usage} lengths=${4:?$usage} split=${5:-test}
case $system in
    ours) decoding=(--task translation_cmlm --decoding-iterations "$iterations" --length-beam "$lengths") ;;
    # Its maximum does not count the first pass.
    fairseq) decoding=(--task translation_lev --iter-decode-max-iter $((iterations - 1)) --iter-decode-force-max-iter
        --iter-decode-with-beam "$lengths") ;;
    *) echo "translate.sh: the system '$system' is neither ours nor fairseq" >&2; exit 1 ;;
esac
folder=$work/$system/$split
output=$folder/T=$iterations,l=$lengths.out
[ -s "$output" ] && exit 0
mkdir -p "$folder"
# The plugin is given for both: without its repairs fairseq loads no checkpoint of its own and loses the last sentences.
fairseq-generate "$work/data" --user-dir "$(fairseq-cmlm path)" -s en -t de --gen-subset "$split" "${decoding[@]}" --path "$work/$system/checkpoint_best.pt" \
    --batch-size 32 --beam 1 --tokenizer moses --bpe subword_nmt --bpe-codes "$work/bpe/codes" \
    > "$output.part" 2> "$output.log" || { tail -n 5 "$output.log" >&2; exit 1; }
mv "$output.part" "$output"
