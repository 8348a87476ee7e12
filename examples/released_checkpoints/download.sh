#!/usr/bin/env bash
# Fetch and unpack one of the six models that the paper's authors released, under a licence of their own.
#
#   download.sh PAIR RELEASED      PAIR is en_de, de_en, en_ro, ro_en, en_zh or zh_en; RELEASED receives its files
#
# What stands is not fetched again. MIRROR may name another address that holds maskPredict_PAIR.tar.gz.
set -euo pipefail
usage="usage: download.sh PAIR RELEASED"
pair=${1:?$usage} released=${2:?$usage}
. "$(dirname "$0")/pair.sh"
refuse_other "$released" "PAIR=$pair"
[ -d "$released" ] && exit 0
rm -rf "$released.part" && mkdir -p "$released.part"
archive=maskPredict_$pair.tar.gz
echo "fetching $archive"
curl --fail --silent --show-error --location --output "$released.part/$archive" \
    "${MIRROR:-https://dl.fbaipublicfiles.com/fairseq/models}/$archive"
tar -xzf "$released.part/$archive" -C "$released.part"
rm "$released.part/$archive"
mv "$released.part" "$released"
