#!/usr/bin/env bash
# Average the best checkpoints of a training, those with the lowest validation loss (or what SELECT of train.sh said).
#
#   average.sh RECIPE DIRECTION WORK MODEL      WORK/DIRECTION/MODEL/averaged.pt receives the mean of the AVERAGE (5) best
usage="usage: average.sh RECIPE DIRECTION WORK MODEL"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
folder=$work/$direction/$model
finished=$(newest "$folder"/*.done)
[ -e "$finished" ] || fail "the training in $folder is not done: run train.sh first"

mean() { fairseq-cmlm average --best "${AVERAGE:-5}" "$folder" --output "$1"; }

made_with="AVERAGE=${AVERAGE:-5}"
make "$folder/averaged.pt" "$finished" mean
