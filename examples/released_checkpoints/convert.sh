#!/usr/bin/env bash
# Convert a released checkpoint, with its dictionaries.
#
#   convert.sh PAIR RELEASED WORK      RELEASED holds, at any depth, one *.pt and dict.*.txt; WORK receives model/
#
# CHECKPOINT may name the file if there are several.
set -euo pipefail
usage="usage: convert.sh PAIR RELEASED WORK"
pair=${1:?$usage} released=${2:?$usage} work=${3:?$usage}
. "$(dirname "$0")/pair.sh"
[ -s "$work/model/model.pt" ] && exit 0
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
fairseq-cmlm convert "${CHECKPOINT:-${found[0]}}" "$work/model" --dictionaries "$(dirname "$dictionary")" \
    --source-lang "$source" --target-lang "$target"
