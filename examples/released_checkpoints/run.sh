#!/usr/bin/env bash
# A released model of the paper, from its download to BLEU beside the paper's: convert, prepare, translate, score.
#
#   run.sh PAIR WORK [RELEASED]      PAIR is en_de, de_en, en_ro, ro_en, en_zh or zh_en; RELEASED is a folder with the
#                                    model's files, without it they are downloaded into WORK/released
#
# TEXT, SUBWORDS and CODES (see prepare.sh), CHECKPOINT (convert.sh), OPTIONS (translate.sh) and ITERATIONS ("4 10") may
# be set. What stands is not done again, and is refused if something else was asked for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage="usage: run.sh PAIR WORK [RELEASED]"
pair=${1:?$usage} work=${2:?$usage} released=${3:-$2/released}
. "$here/pair.sh"
. "$here/../environment.sh"
read -r -d '' -a iterations < <(printf '%s\0' "${ITERATIONS:-4 10}")
mkdir -p "$work"
[ $# -gt 2 ] || bash "$here/download.sh" "$pair" "$released"
bash "$here/convert.sh" "$pair" "$released" "$work"
bash "$here/prepare.sh" "$pair" "$released" "$work"
for number in "${iterations[@]}"; do
    bash "$here/translate.sh" "$pair" "$work" "$number"
done
bash "$here/score.sh" "$pair" "$work" "${iterations[@]}"
