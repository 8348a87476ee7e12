#!/usr/bin/env bash
# The model cards of models that were scored: data and its licence, sizes, training, scores, how to use the model.
#
#   card.sh RECIPE DIRECTION WORK TABLE OUTPUT...      WORK/DIRECTION/MODEL/README.md, for each MODEL of the outputs
#
# TABLE is what score.sh or task.sh made of OUTPUT...; both call this.
usage="usage: card.sh RECIPE DIRECTION WORK TABLE OUTPUT..."
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} table=${4:?$usage}
: "${5:?$usage}"
shift 4
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"

# trained_on FOLDER: what the model there was trained on. Line 2 of `training` begins with the MODEL that train.sh was given.
trained_on() {
    local model
    model=$(sed -n '2s/[ ,].*//p' "$1/training")
    echo -n "$data_name"
    case $(text_of "$model") in
        distilled | fairseq) echo "; the targets are the teacher's translations" ;;
        mixed) echo "; both its own targets and the teacher's translations" ;;
        interpolated) echo "; the targets are those translations of the teacher's that are most like its own" ;;
    esac
}

declare -A written=()
for output in "$@"; do
    model=$(basename "$output" .out)
    model=${model%%,*}
    folder=$work/$direction/$model
    # A baseline without a network has no folder.
    [ -e "$folder/averaged.pt" ] && [ -z "${written[$model]:-}" ] || continue
    written[$model]=1
    fairseq-cmlm card "$folder/averaged.pt" --scores "$table" --rows "$model" \
        --training-data "$(trained_on "$folder")" --data-licence "$data_licence" > "$folder/README.$$.part"
    mv "$folder/README.$$.part" "$folder/README.md"
done
