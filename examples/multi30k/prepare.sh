#!/usr/bin/env bash
# Raw Multi30k text -> tokens (sacremoses) -> subwords (subword-nmt) -> binarised data (fairseq-preprocess).
#
#   prepare.sh RAW WORK      RAW holds {train,valid,test}.{en,de}; WORK receives tokens/, bpe/ and data/
#
# A step whose result stands is skipped; a step writes under a temporary name, so an interrupted one is done again.
set -euo pipefail
raw=${1:?usage: prepare.sh RAW WORK}
work=${2:?usage: prepare.sh RAW WORK}
merges=${MERGES:-4000}
mkdir -p "$work/tokens" "$work/bpe"

for split in train valid test; do
    lines_en=$(wc -l < "$raw/$split.en")
    lines_de=$(wc -l < "$raw/$split.de")
    if [ "$lines_en" != "$lines_de" ]; then
        echo "prepare.sh: $raw/$split.en has $lines_en lines and $raw/$split.de has $lines_de: they must be line by line" >&2
        exit 1
    fi
    for language in en de; do
        tokens=$work/tokens/$split.$language
        [ -s "$tokens" ] && continue
        echo "tokenising $split.$language"
        sacremoses --language "$language" --quiet normalize tokenize \
            < "$raw/$split.$language" > "$tokens.part"
        mv "$tokens.part" "$tokens"
    done
done

if [ ! -s "$work/bpe/codes" ]; then
    echo "learning $merges joint BPE merges"
    cat "$work/tokens/train.en" "$work/tokens/train.de" | subword-nmt learn-bpe --symbols "$merges" > "$work/bpe/codes.part"
    mv "$work/bpe/codes.part" "$work/bpe/codes"
fi
for split in train valid test; do
    for language in en de; do
        pieces=$work/bpe/$split.$language
        [ -s "$pieces" ] && continue
        subword-nmt apply-bpe --codes "$work/bpe/codes" < "$work/tokens/$split.$language" > "$pieces.part"
        mv "$pieces.part" "$pieces"
    done
done

if [ ! -d "$work/data" ]; then
    rm -rf "$work/data.part"
    fairseq-preprocess --source-lang en --target-lang de --joined-dictionary --workers 2 \
        --trainpref "$work/bpe/train" --validpref "$work/bpe/valid" --testpref "$work/bpe/test" --destdir "$work/data.part"
    mv "$work/data.part" "$work/data"
fi
echo "binarised data: $work/data"
