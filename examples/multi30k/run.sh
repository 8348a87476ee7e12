#!/usr/bin/env bash
# Multi30k English-German from raw text to BLEU: prepare, train, translate in 1, 4 and 10 iterations, score.
#
#   run.sh WORK [RAW]        RAW is a folder with {train,valid,test}.{en,de}; without it, the text is downloaded
#
# SYSTEMS="ours fairseq" also trains and decodes fairseq's cmlm_transformer. Training takes about an hour on one core for
# each; what stands is not done again and an interrupted training goes on. ITERATIONS ("1 4 10") and LENGTHS ("1 3 5",
# the numbers of length candidates) may be set, and what train.sh and prepare.sh take.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:?usage: run.sh WORK [RAW]}
raw=${2:-$work/raw}
. "$here/../environment.sh"
[ $# -gt 1 ] || bash "$here/download.sh" "$raw"
bash "$here/prepare.sh" "$raw" "$work"
for system in ${SYSTEMS:-ours}; do
    bash "$here/train.sh" "$system" "$work"
    outputs=()
    for lengths in ${LENGTHS:-1 3 5}; do
        for iterations in ${ITERATIONS:-1 4 10}; do
            bash "$here/translate.sh" "$system" "$work" "$iterations" "$lengths"
            outputs+=("$work/$system/test/T=$iterations,l=$lengths.out")
        done
    done
    echo "== $system"
    fairseq-cmlm score "${outputs[@]}" --reference "$raw/test.de"
done
