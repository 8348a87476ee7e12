#!/usr/bin/env bash
# Fetch ParaSCI-ACL from its publisher, github.com/dqxiu/ParaSCI.
#
#   download.sh RECORDS      RECORDS receives {train,valid,test}.{src,tgt}
set -euo pipefail
records=${1:?usage: download.sh RECORDS}
publisher=https://raw.githubusercontent.com/dqxiu/ParaSCI/4fa842be752b50f071e3d895b5410f30f95f10fb/Data/ParaSCI-ACL
declare -A name=([train]=train [valid]=val [test]=test) lines=([train]=28883 [valid]=2753 [test]=2345)
mkdir -p "$records"
for split in train valid test; do
    for side in src tgt; do
        file=$records/$split.$side
        [ ! -s "$file" ] || continue
        echo "fetching $split.$side"
        curl --fail --silent --show-error --location "$publisher/${name[$split]}/${name[$split]}.$side" > "$file.part"
        found=$(wc -l < "$file.part")
        if [ "$found" != "${lines[$split]}" ]; then
            echo "download.sh: $split.$side has $found lines and should have ${lines[$split]}: $file.part" >&2
            exit 1
        fi
        mv "$file.part" "$file"
    done
done
