#!/usr/bin/env bash
# Raw text -> clean tokens -> subwords -> binarised data, for both directions of a recipe.
#
#   prepare.sh RECIPE WORK [TEXT]      TEXT (default: WORK/text) holds {train,valid,test}.{en,FOREIGN}; WORK receives
#                                      raw/ (valid and test as they are), and of `fairseq-cmlm prepare` tokens/, bpe/, data/
#                                      and text.json, which tells how text is prepared and goes into every checkpoint
#
# Training pairs are left out if a side is empty or has more than LONGEST tokens, or more than RATIO times as many as the
# other. MERGES is the number of BPE merges, DICTIONARY the largest number of words in a dictionary (-1: all), WORKERS
# that of processes; DIACRITICS=strip takes the diacritics off Romanian.
usage="usage: prepare.sh RECIPE WORK [TEXT]"
recipe=${1:?$usage} work=${2:?$usage} text=${3:-$2/text}
. "$(dirname "$0")/recipe.sh"
settings "$recipe"
for split in train valid test; do
    for language in en "$foreign"; do
        [ -s "$text/$split.$language" ] || fail "$text/$split.$language is missing or empty"
    done
done
[ ! -d "$work/data" ] || [ -e "$work/data/text.json" ] ||
    fail "$work/data was prepared by an earlier version, without a text.json: take another folder, or that version"
mkdir -p "$work"

# copy FILE COPY: for a reference.
copy() { cp "$1" "$2"; }

prepare() {
    local options=(--merges "$MERGES" --dictionary "$DICTIONARY" --longest "$LONGEST" --ratio "$RATIO")
    [ "$bpe" = joint ] || options+=(--separate)
    [ "${DIACRITICS:-keep}" != strip ] || options+=(--strip-diacritics ro)
    fairseq-cmlm prepare "$text" "$work" -s en -t "$foreign" --workers "${WORKERS:-$(nproc)}" "${options[@]}" --destdir "$1"
}

for split in valid test; do
    for language in en "$foreign"; do
        make "$work/raw/$split.$language" "$text/$split.$language" copy "$text/$split.$language"
    done
done
make "$work/data" "$(newest "$text"/{train,valid,test}.{en,"$foreign"})" prepare
