#!/usr/bin/env bash
# Fetch a publisher's archive, and have a script make records of it; nothing if they are there.
#
#   fetch_archive.sh NAME ADDRESS SCRIPT RECORDS LAST
#
# NAME is told; SCRIPT is called with the archive and the folder RECORDS, and writes the file LAST there at the end.
set -euo pipefail
usage="usage: fetch_archive.sh NAME ADDRESS SCRIPT RECORDS LAST"
name=${1:?$usage} address=${2:?$usage} script=${3:?$usage} records=${4:?$usage} last=${5:?$usage}
[ ! -s "$records/$last" ] || exit 0
mkdir -p "$records"
echo "fetching $name"
curl --fail --silent --show-error --location --output "$records/archive.part" "$address"
python "$script" "$records/archive.part" "$records"
rm "$records/archive.part"
