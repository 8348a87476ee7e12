#!/usr/bin/env bash
# The text is your own: there is nothing to fetch.
#
#   download.sh RECORDS
set -euo pipefail
echo "infilling takes any text: give a folder with {train,valid,test}.text, a text a line, as the last word of task.sh" >&2
exit 1
