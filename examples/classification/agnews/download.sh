#!/usr/bin/env bash
# Fetch AG News (Zhang et al. 2015, 120,000 and 7,600 texts) from the repository that has its CSV files.
#
#   download.sh FOLDER       FOLDER receives train.tsv and dev.tsv; ../lay_out.py takes dev.tsv for the test
set -euo pipefail
folder=${1:?usage: download.sh FOLDER}
publisher=https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv
declare -A lines=([train]=120000 [test]=7600) name=([train]=train [test]=dev)
mkdir -p "$folder"
for split in train test; do
    file=$folder/${name[$split]}.tsv
    [ ! -s "$file" ] || continue
    echo "fetching $split.csv"
    curl --fail --silent --show-error --location "$publisher/$split.csv" | python "$(dirname "$0")/from_csv.py" > "$file.part"
    found=$(wc -l < "$file.part")
    if [ "$found" != "${lines[$split]}" ]; then
        echo "download.sh: $split.csv has $found texts and should have ${lines[$split]}: $file.part" >&2
        exit 1
    fi
    mv "$file.part" "$file"
done
