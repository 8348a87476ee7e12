#!/usr/bin/env bash
# Fetch FairytaleQA from its publisher, github.com/uci-soe/FairytaleQAData.
#
#   download.sh RECORDS      RECORDS receives {train,valid,test}.tsv, a question a line
set -euo pipefail
records=${1:?usage: download.sh RECORDS}
address=https://github.com/uci-soe/FairytaleQAData/archive/0cdebedde0034f03acda41edd0d5d31fdb021eaf.zip
[ ! -s "$records/test.tsv" ] || exit 0
mkdir -p "$records"
echo "fetching FairytaleQA"
curl --fail --silent --show-error --location --output "$records/archive.part" "$address"
python "$(dirname "$0")/fairytales.py" "$records/archive.part" "$records"
rm "$records/archive.part"
