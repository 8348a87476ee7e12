#!/usr/bin/env bash
# Convert a released checkpoint, with its dictionaries.
#
#   convert.sh PAIR RELEASED WORK      RELEASED holds, at any depth, one *.pt and dict.*.txt; WORK receives model/
#
# CHECKPOINT may name the file if there are several. With the BPE codes (CODES, or among the files), the converted model
# takes raw text: WORK/text.json tells how it is prepared, and is in the checkpoint too.
set -euo pipefail
usage="usage: convert.sh PAIR RELEASED WORK"
pair=${1:?$usage} released=${2:?$usage} work=${3:?$usage}
. "$(dirname "$0")/pair.sh"
refuse_other "$work/model" "PAIR=$pair RELEASED=$(readlink -f "$released") CHECKPOINT=${CHECKPOINT:-} CODES=${CODES:-}" \
    "SUBWORDS=${SUBWORDS:-0}"
[ -s "$work/model/model.pt" ] && exit 0
rm -rf "$work/data" "$work/test" # of another model
mapfile -t found < <(find "$released" -name '*.pt' -type f | sort)
if [ -z "${CHECKPOINT:-}" ] && [ "${#found[@]}" != 1 ]; then
    echo "convert.sh: $released holds ${#found[@]} checkpoints, not one: name it in CHECKPOINT. ${found[*]}" >&2
    exit 1
fi
dictionary=$(find "$released" -name "dict.$source.txt" -type f | sort | head -n 1)
if [ -z "$dictionary" ]; then
    echo "convert.sh: there is no dict.$source.txt in $released" >&2
    exit 1
fi
text=()
case $pair in
    *zh*) ;; # the authors' word segmentation is not known
    *)
        if [ "${SUBWORDS:-0}" != 1 ] && pipeline "$released" "$dictionary"; then
            rm -f "$work/text.json"
            fairseq-cmlm text "$work/text.json" "${options[@]}"
            text=(--text-pipeline "$work/text.json")
        fi
        ;;
esac
fairseq-cmlm convert "${CHECKPOINT:-${found[0]}}" "$work/model" --dictionaries "$(dirname "$dictionary")" \
    --source-lang "$source" --target-lang "$target" "${text[@]}"
