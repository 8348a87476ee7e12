#!/usr/bin/env bash
# Fetch SST-2 from GLUE. Its test.tsv has no labels: ../lay_out.py takes dev.tsv for the test then.
#
#   download.sh FOLDER       FOLDER receives train.tsv and dev.tsv
set -euo pipefail
folder=${1:?usage: download.sh FOLDER}
declare -A lines=([train]=67350 [dev]=873)
mkdir -p "$folder"
if [ ! -s "$folder/SST-2.zip" ]; then
    echo "fetching SST-2.zip"
    curl --fail --silent --show-error --location --output "$folder/SST-2.zip.part" https://dl.fbaipublicfiles.com/glue/data/SST-2.zip
    mv "$folder/SST-2.zip.part" "$folder/SST-2.zip"
fi
for split in train dev; do
    [ ! -s "$folder/$split.tsv" ] || continue
    python "$(dirname "$0")/../../steps/unzip.py" "$folder/SST-2.zip" "SST-2/$split.tsv" > "$folder/$split.tsv.part"
    found=$(wc -l < "$folder/$split.tsv.part")
    if [ "$found" != "${lines[$split]}" ]; then
        echo "download.sh: $split.tsv has $found lines and should have ${lines[$split]}: $folder/$split.tsv.part" >&2
        exit 1
    fi
    mv "$folder/$split.tsv.part" "$folder/$split.tsv"
done
