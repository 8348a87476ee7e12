#!/usr/bin/env bash
# Fetch the text of a recipe from its publishers and lay it out as {train,valid,test}.{en,FOREIGN}.
#
#   download.sh RECIPE WORK      WORK/archives receives the publishers' files, WORK/text the text, of a format WORK/records
#                                its records
#
# An archive is checked against the checksum in settings.sh. Where none is known, its SHA-256 is written beside it when it
# is first seen, and checked from then on. An interrupted download goes on where it stopped. valid and test come from
# sacreBLEU, which checks them itself. MANUAL=skip leaves out the corpora that no command can fetch. A recipe with a
# download.sh of its own is left to it.
usage="usage: download.sh RECIPE WORK"
recipe=${1:?$usage} work=${2:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe"
if [ -z "$format" ]; then mkdir -p "$work/text"; else mkdir -p "$work"; fi
lock "$work/steps.log" # which exec keeps
[ ! -e "$recipe_folder/download.sh" ] || exec bash "$recipe_folder/download.sh" "$work/$([ -z "$format" ] && echo text || echo records)"
archives_folder=$work/archives
mkdir -p "$archives_folder"

# checksum FILE HEX: SHA-1 or SHA-256, by its length.
checksum() {
    local command=sha256sum found
    [ "${#2}" != 40 ] || command=sha1sum
    found=$("$command" "$1")
    [ "${found%% *}" = "$2" ] || fail "$1 has the checksum ${found%% *} and should have $2: remove it and fetch it again"
}

# fetch NAME CHECKSUM ADDRESS: into the folder of archives. CHECKSUM - is an unknown one.
fetch() {
    local file=$archives_folder/$1
    [ ! -e "$file.checked" ] || return 0
    if [ ! -e "$file" ]; then
        echo "fetching $1"
        curl --fail --silent --show-error --location --retry 3 --continue-at - --output "$file.part" "$3"
        mv "$file.part" "$file"
    fi
    if [ "$2" != - ]; then
        checksum "$file" "$2"
    elif [ -e "$file.sha256" ]; then
        checksum "$file" "$(cut -d ' ' -f 1 "$file.sha256")"
    else
        sha256sum "$file" > "$file.sha256"
        echo "no checksum of $1 is known: its SHA-256 is now in $file.sha256"
    fi
    touch "$file.checked"
}

# extract ARCHIVE[+ARCHIVE] MEMBER: print the text of a member; an archive may be in pieces.
extract() {
    local pieces
    IFS=+ read -r -a pieces <<< "$1"
    pieces=("${pieces[@]/#/$archives_folder/}")
    case $1 in
        *.zip) python "$examples/steps/unzip.py" "${pieces[0]}" "$2" ;;
        *) cat "${pieces[@]}" | tar --extract --gzip --to-stdout "$2" ;;
    esac
}

# write_corpus "ARCHIVE LINES MEMBER_EN MEMBER_FOREIGN" FOLDER: both sides, checked for their number of lines.
write_corpus() {
    local archive lines english other count
    read -r archive lines english other <<< "$1"
    mkdir -p "$2"
    extract "$archive" "$english" > "$2/en"
    extract "$archive" "$other" > "$2/$foreign"
    for language in en "$foreign"; do
        count=$(wc -l < "$2/$language")
        [ "$lines" = - ] || [ "$count" = "$lines" ] || fail "$language of $archive has $count lines and should have $lines"
    done
    cmp -s <(wc -l < "$2/en") <(wc -l < "$2/$foreign") || fail "the sides of $archive differ in their number of lines"
}

# write_all LANGUAGE FILE: that side of all corpora, one after the other.
write_all() { cat "${folders[@]/%//$1}" > "$2"; }

# write_test_set NAME LINES SIDE FILE
write_test_set() {
    sacrebleu --test-set "$1" --language-pair "en-$foreign" --echo "$3" > "$4"
    [ "$(wc -l < "$4")" = "$2" ] || fail "$1 has $(wc -l < "$4") lines and should have $2"
}

for archive in "${archives[@]}"; do
    read -r name sum address <<< "$archive"
    fetch "$name" "$sum" "$address"
done
for archive in "${manual[@]}"; do
    read -r name sum page <<< "$archive"
    if [ -e "$archives_folder/$name" ] || [ -e "$archives_folder/$name.checked" ]; then
        fetch "$name" "$sum" "$page"
    elif [ "${MANUAL:-}" = skip ]; then
        echo "leaving out $name"
        kept=()
        for corpus in "${corpora[@]}"; do [ "${corpus%% *}" = "$name" ] || kept+=("$corpus"); done
        corpora=("${kept[@]}")
    else
        fail "$name must be fetched by hand ($page) and put into $archives_folder; MANUAL=skip goes on without it"
    fi
done

folders=()
for corpus in "${corpora[@]}"; do
    folder=$work/corpora/$(cut -d ' ' -f 1,3 <<< "$corpus" | tr -c 'A-Za-z0-9.\n' _)
    make "$folder" "$archives_folder/$(cut -d ' ' -f 1 <<< "${corpus%%+*}")" write_corpus "$corpus"
    folders+=("$folder")
done
for language in en "$foreign"; do
    side=$([ "$language" = en ] && echo src || echo ref)
    made_with="CORPORA=${folders[*]##*/}"
    make "$work/text/train.$language" "$(newest "${folders[@]}")" write_all "$language"
    made_with=
    make "$work/text/valid.$language" "" write_test_set $valid_set "$side"
    make "$work/text/test.$language" "" write_test_set $test_set "$side"
done
