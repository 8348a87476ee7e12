#!/usr/bin/env bash
# The test set in the subwords of a released model, binarised with its dictionaries.
#
#   prepare.sh PAIR RELEASED WORK      WORK holds model/ (convert.sh) and receives raw/, tokens/, bpe/ and data/
#
# TEXT      folder of test.SOURCE and test.TARGET; without it sacreBLEU downloads the test set of the paper
# SUBWORDS  1: TEXT is in the model's subwords already; its raw target text, if any, is raw.TARGET beside it
# CODES     the model's BPE codes; without it, the one file in RELEASED whose name holds "code" or "bpe"
set -euo pipefail
usage="usage: prepare.sh PAIR RELEASED WORK"
pair=${1:?$usage} released=${2:?$usage} work=${3:?$usage}
. "$(dirname "$0")/pair.sh"
refuse_other "$work/data" "PAIR=$pair TEXT=${TEXT:-} SUBWORDS=${SUBWORDS:-0} CODES=${CODES:-}"
[ -d "$work/data" ] && exit 0
mkdir -p "$work/raw"
fail() { echo "prepare.sh: $*" >&2; exit 1; }

if [ "${SUBWORDS:-0}" = 1 ]; then
    mkdir -p "$work/tokens/test" "$work/bpe"
    text=${TEXT:?SUBWORDS=1 needs TEXT, the folder of test.$source and test.$target}
    for language in "$source" "$target"; do
        cp "$text/test.$language" "$work/bpe/test.$language"
        sed -E 's/@@( |$)//g' "$work/bpe/test.$language" > "$work/tokens/test/$language"
    done
    if [ -e "$text/raw.$target" ]; then
        cp "$text/raw.$target" "$work/raw/test.$target"
    elif [ "$tokenize" != none ]; then
        fail "the paper scored $pair on raw text: give the target text as $text/raw.$target"
    fi
else
    pipeline "$released" "$work/model/dict.$source.txt" || fail "there is no one file of BPE codes in $released (the codes of" \
        "en_zh and zh_en were never released): name it in CODES, or give TEXT in the model's subwords with SUBWORDS=1"
    case $pair in *zh*) fail "Chinese needs the authors' word segmentation: give TEXT in subwords with SUBWORDS=1" ;; esac
    for language in "$source" "$target"; do
        side=$([ "$language" = "$source" ] && echo src || echo ref)
        if [ -n "${TEXT:-}" ]; then
            cp "$TEXT/test.$language" "$work/raw/test.$language"
        else
            sacrebleu --test-set "$testset" --language-pair "$source-$target" --echo "$side" > "$work/raw/test.$language"
        fi
    done
    # It prints the share of words that the model does not know.
    fairseq-cmlm prepare "$work/raw" "$work" "${options[@]}" --dictionaries "$work/model"
    exit
fi

rm -rf "$work/data.part"
fairseq-preprocess --source-lang "$source" --target-lang "$target" --testpref "$work/bpe/test" \
    --srcdict "$work/model/dict.$source.txt" --tgtdict "$work/model/dict.$target.txt" --destdir "$work/data.part" \
    > "$work/preprocess.log" 2>&1 || { tail -n 5 "$work/preprocess.log" >&2; exit 1; }
grep -h 'replaced' "$work/preprocess.log" | sed -E 's/^.*\| //' # the share of words that the model does not know
mv "$work/data.part" "$work/data"
