#!/usr/bin/env bash
# Fetch raw Multi30k English-German (task 1, test 2016) from its publisher, github.com/multi30k/dataset.
#
#   download.sh RAW          RAW receives {train,valid,test}.{en,de}
set -euo pipefail
raw=${1:?usage: download.sh RAW}
publisher=https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw
declare -A name=([train]=train [valid]=val [test]=test_2016_flickr) lines=([train]=29000 [valid]=1014 [test]=1000)
mkdir -p "$raw"
for split in train valid test; do
    for language in en de; do
        file=$raw/$split.$language
        [ -s "$file" ] && continue
        echo "fetching $split.$language"
        curl --fail --silent --show-error --location "$publisher/${name[$split]}.$language.gz" | gunzip > "$file.part"
        found=$(wc -l < "$file.part")
        if [ "$found" != "${lines[$split]}" ]; then
            echo "download.sh: $split.$language has $found lines and should have ${lines[$split]}: $file.part" >&2
            exit 1
        fi
        mv "$file.part" "$file"
    done
done
