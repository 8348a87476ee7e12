#!/usr/bin/env bash
# Raw text -> clean tokens -> subwords -> binarised data, for both directions of a recipe.
#
#   prepare.sh RECIPE WORK [TEXT]      TEXT (default: WORK/text) holds {train,valid,test}.{en,FOREIGN}; WORK receives
#                                      raw/ (valid and test as they are), tokens/, bpe/ and data/
#
# Training pairs are left out if a side is empty or has more than LONGEST tokens, or more than RATIO times as many as the
# other. MERGES is the number of BPE merges, DICTIONARY the largest number of words in a dictionary (-1: all), WORKERS
# that of processes; DIACRITICS=strip takes the diacritics off Romanian.
usage="usage: prepare.sh RECIPE WORK [TEXT]"
recipe=${1:?$usage} work=${2:?$usage} text=${3:-$2/text}
. "$(dirname "$0")/recipe.sh"
settings "$recipe"
workers=${WORKERS:-$(nproc)}
for split in train valid test; do
    for language in en "$foreign"; do
        [ -s "$text/$split.$language" ] || fail "$text/$split.$language is missing or empty"
    done
done
mkdir -p "$work"

# copy FILE COPY: for a reference.
copy() { cp "$1" "$2"; }

# tokenise SPLIT FOLDER: both sides, kept in step.
tokenise() {
    local options=()
    [ "$1" != train ] || options+=(--clean --longest "$LONGEST" --ratio "$RATIO")
    [ "${DIACRITICS:-keep}" != strip ] || options+=(--strip-diacritics)
    mkdir "$2"
    python "$examples/steps/text.py" tokenise "$text/$1.en" "$text/$1.$foreign" "$2/en" "$2/$foreign" \
        --foreign "$foreign" --workers "$workers" "${options[@]}"
}

# learn FILE LANGUAGE...: BPE codes of the languages together.
learn() {
    local files=()
    for language in "${@:1:$#-1}"; do files+=("$work/tokens/train/$language"); done
    cat "${files[@]}" | subword-nmt learn-bpe --symbols "$MERGES" > "${!#}"
}

# apply TOKENS LANGUAGE FILE
apply() {
    subword-nmt apply-bpe --codes "$(codes "$2")" --num-workers "$workers" --input "$1" --output "$3"
}

binarise() {
    local options=(--nwordssrc "$DICTIONARY" --nwordstgt "$DICTIONARY")
    [ "$bpe" != joint ] || options+=(--joined-dictionary)
    fairseq-preprocess --source-lang en --target-lang "$foreign" --workers "$workers" "${options[@]}" \
        --trainpref "$work/bpe/train" --validpref "$work/bpe/valid" --testpref "$work/bpe/test" --destdir "$1"
}

for split in train valid test; do
    make "$work/tokens/$split" "$(newest "$text/$split".{en,"$foreign"})" tokenise "$split"
done
for split in valid test; do
    for language in en "$foreign"; do
        make "$work/raw/$split.$language" "$text/$split.$language" copy "$text/$split.$language"
    done
done
if [ "$bpe" = joint ]; then
    make "$(codes en)" "$work/tokens/train" learn en "$foreign"
else
    for language in en "$foreign"; do make "$(codes "$language")" "$work/tokens/train" learn "$language"; done
fi
for split in train valid test; do
    for language in en "$foreign"; do
        make "$work/bpe/$split.$language" "$(newest "$(codes "$language")" "$work/tokens/$split")" apply "$work/tokens/$split/$language" "$language"
    done
done
make "$work/data" "$(newest "$work/bpe"/{train,valid,test}.{en,"$foreign"})" binarise
