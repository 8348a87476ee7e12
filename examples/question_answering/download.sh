#!/usr/bin/env bash
# Fetch FairytaleQA from its publisher, github.com/uci-soe/FairytaleQAData.
#
#   download.sh RECORDS      RECORDS receives {train,valid,test}.tsv, a question a line
set -euo pipefail
records=${1:?usage: download.sh RECORDS} here=$(dirname "$0")
address=https://github.com/uci-soe/FairytaleQAData/archive/0cdebedde0034f03acda41edd0d5d31fdb021eaf.zip
exec bash "$here/../steps/fetch_archive.sh" FairytaleQA "$address" "$here/fairytales.py" "$records" test.tsv
