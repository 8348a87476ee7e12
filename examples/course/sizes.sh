#!/usr/bin/env bash
# Quality by the number of training sentences, for `fairseq-cmlm course`: a CMLM each on an eighth, a quarter, half and all of
# a text, with the same options, and their logs in RESULTS/logs/sizes.
#
#   sizes.sh RECIPE DIRECTION WORK TEXT RESULTS      TEXT has {train,valid,test}.{en,de}; WORK receives a folder for each size
#
# The validations must measure BLEU, as those of multi30k do. What the steps take may be set.
usage="usage: sizes.sh RECIPE DIRECTION WORK TEXT RESULTS"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} text=${4:?$usage} results=${5:?$usage}
. "$(dirname "$0")/../steps/recipe.sh"
settings "$recipe" "$direction"

# keep_same FILE: write what is read into the file, unless it holds that already: a training that goes on refuses newer text.
keep_same() {
    cat > "$1.part"
    if cmp -s "$1.part" "$1"; then rm "$1.part"; else mv "$1.part" "$1"; fi
}

lines=$(wc -l < "$text/train.$source")
mkdir -p "$results/logs/sizes"
for part in 8 4 2 1; do
    size=$((lines / part))
    mkdir -p "$work/$size/text"
    for side in "$source" "$target"; do
        keep_same "$work/$size/text/train.$side" < <(head -n "$size" "$text/train.$side")
        for split in valid test; do keep_same "$work/$size/text/$split.$side" < "$text/$split.$side"; done
    done
    bash "$examples/steps/prepare.sh" "$recipe" "$work/$size" "$work/$size/text"
    bash "$examples/steps/train.sh" "$recipe" "$direction" "$work/$size" raw
    grep -F '| valid |' "$work/$size/$direction/raw/train.log" > "$results/logs/sizes/$size.log"
done
