#!/usr/bin/env bash
# Fetch WebNLG, as of the challenge of 2017, from its publisher, gitlab.com/shimorina/webnlg-dataset.
#
#   download.sh RECORDS      RECORDS receives {train,valid}.{triples,text}
set -euo pipefail
records=${1:?usage: download.sh RECORDS} here=$(dirname "$0")
address=https://gitlab.com/shimorina/webnlg-dataset/-/archive/master/webnlg-dataset-master.zip?path=webnlg_challenge_2017
exec bash "$here/../steps/fetch_archive.sh" WebNLG "$address" "$here/webnlg.py" "$records" valid.text
