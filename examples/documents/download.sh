#!/usr/bin/env bash
# Nothing is fetched: the pages are in LibreOffice's source, their translations in files of gettext.
#
#   download.sh RECORDS
set -euo pipefail
echo "download.sh: give the FOLDER of {train,valid}.{en,de,doc} as the last word of task.sh: a paragraph a line, and in .doc the" \
    "name of its document" >&2
exit 1
