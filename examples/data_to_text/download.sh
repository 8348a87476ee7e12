#!/usr/bin/env bash
# Fetch WebNLG, as of the challenge of 2017, from its publisher, gitlab.com/shimorina/webnlg-dataset.
#
#   download.sh RECORDS      RECORDS receives {train,valid}.{triples,text}
set -euo pipefail
records=${1:?usage: download.sh RECORDS}
address=https://gitlab.com/shimorina/webnlg-dataset/-/archive/master/webnlg-dataset-master.zip?path=webnlg_challenge_2017
[ ! -s "$records/valid.text" ] || exit 0
mkdir -p "$records"
echo "fetching WebNLG"
curl --fail --silent --show-error --location --output "$records/archive.part" "$address"
python "$(dirname "$0")/webnlg.py" "$records/archive.part" "$records"
rm "$records/archive.part"
