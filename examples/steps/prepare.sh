#!/usr/bin/env bash
# Raw text -> clean tokens -> subwords -> binarised data, for both directions of a recipe.
#
#   prepare.sh RECIPE WORK [TEXT]      TEXT (default: WORK/text) holds {train,valid,test}.{en,FOREIGN}, of a format
#                                      .{source,target} and perhaps no test; WORK receives
#                                      raw/ (valid and test as they are), and of `fairseq-cmlm prepare` tokens/, bpe/, data/
#                                      and text.json, which tells how text is prepared and goes into every checkpoint
#
# Training pairs are left out if a side is empty or has more than LONGEST tokens, or more than RATIO times as many as the
# other. MERGES is the number of BPE merges, DICTIONARY the largest number of words in a dictionary (-1: all), WORKERS
# that of processes; DIACRITICS=strip takes the diacritics off Romanian. PREPARE are more options of the command.
usage="usage: prepare.sh RECIPE WORK [TEXT]"
recipe=${1:?$usage} work=${2:?$usage} text=${3:-$2/text}
. "$(dirname "$0")/recipe.sh"
settings "$recipe"
splits=(train valid test)
[ -z "$format" ] || [ -e "$text/test.$first" ] || splits=(train valid)
files=()
for split in "${splits[@]}"; do
    for ending in "$first" "$second"; do
        [ -s "$text/$split.$ending" ] || fail "$text/$split.$ending is missing or empty"
        files+=("$text/$split.$ending")
    done
done
[ ! -d "$work/data" ] || [ -e "$work/data/text.json" ] ||
    fail "$work/data was prepared by an earlier version, without a text.json: take another folder, or that version"
mkdir -p "$work"

# copy FILE COPY: for a reference.
copy() { cp "$1" "$2"; }

prepare() {
    local options=(--dictionary "$DICTIONARY" --longest "$LONGEST" --ratio "$RATIO")
    [ "$bpe" = joint ] || options+=(--separate)
    [ "${DIACRITICS:-keep}" != strip ] || options+=(--strip-diacritics ro)
    words codes "${language:-}"
    [ -z "$format" ] || options+=(--language "${codes[@]}")
    words more "${PREPARE:-}"
    [[ " ${more[*]} " == *" --text-pipeline "* ]] || options+=(--merges "$MERGES")
    fairseq-cmlm prepare "$text" "$work" -s "$first" -t "$second" --workers "${WORKERS:-$(nproc)}" "${options[@]}" "${more[@]}" \
        --destdir "$1"
}

sums=$(sum_of "${files[0]}")-$(sum_of "${files[1]}") # each file is read once
for file in "${files[@]:2}"; do
    made_of=$(sum_of "$file")
    sums+=-$made_of
    make "$work/raw/$(basename "$file")" "$file" copy "$file"
done
made_of=$sums
made_with="MERGES=$MERGES DICTIONARY=$DICTIONARY LONGEST=$LONGEST RATIO=$RATIO DIACRITICS=${DIACRITICS:-keep}"
made_with+=" PREPARE=${PREPARE:-}"
make "$work/data" "$(newest "${files[@]}")" prepare
