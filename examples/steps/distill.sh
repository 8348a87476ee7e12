#!/usr/bin/env bash
# The teacher's translations of the training text, as a corpus and binarised.
#
#   distill.sh RECIPE DIRECTION WORK [SHARD...]
#
# The text is translated in SHARDS shards, each a file in WORK/DIRECTION/shards that is not made again. Without SHARD, all
# that are missing are made, PER_GPU (1) at a time on each GPU (GPUS, CUDA_VISIBLE_DEVICES); then distilled-text/ and
# distilled-data/, if no sentence is missing or doubled, and mixed-data/, links to it and to the human translations. With
# NBEST=5 also interpolated-text/ and interpolated-data/: of the teacher's 5 best translations that which is most like the
# human one (Kim and Rush 2016, sequence-level interpolation). BATCH is the tokens of a batch (4096). With numbers (from 0),
# only those shards, on the first GPU, so that several machines can share the work:
#   sbatch --array 0-63 --gpus 1 --wrap 'bash examples/steps/distill.sh RECIPE DIRECTION WORK $SLURM_ARRAY_TASK_ID'
usage="usage: distill.sh RECIPE DIRECTION WORK [SHARD...]"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage}
shift 3
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
folder=$work/$direction
teacher=$folder/teacher/averaged.pt
[ -e "$teacher" ] || fail "$teacher is missing: run average.sh $recipe $direction $work teacher first"
find_gpus
[ ${#gpus[@]} = 0 ] && options=(--cpu) || options=(--fp16)
of=-of-$SHARDS${NBEST:+,nbest=$NBEST}

# translate SHARD FILE. The plugin is given, for without its repairs fairseq loses the last sentences.
translate() {
    fairseq-generate "$work/data" -s "$source" -t "$target" --user-dir "$(plugin)" --task translation \
        --path "$teacher" --gen-subset train --beam 5 --max-len-a 2 --max-len-b 10 --max-tokens "${BATCH:-4096}" "${options[@]}" \
        --nbest "${NBEST:-1}" --distributed-world-size "$SHARDS" --distributed-rank "$1" > "$2"
}

# translate_all SHARD...: one after the other.
translate_all() {
    for shard in "$@"; do make "$folder/shards/$shard$of.out" "$teacher" translate "$shard"; done
}

# collect [--reference FILE] FOLDER
collect() {
    mkdir "${@: -1}"
    fairseq-cmlm distill "${outputs[@]}" --source "$work/bpe/train.$source" --source-lang "$source" --target-lang "$target" \
        "${@:1:$#-1}" --output "${@: -1}/train"
}

# binarise TEXT FOLDER. The dictionaries are those of the data, so that teacher and student have the same words.
binarise() {
    local splits=(--trainpref "$1/train" --validpref "$work/bpe/valid")
    [ ! -e "$work/bpe/test.$source" ] || splits+=(--testpref "$work/bpe/test")
    fairseq-preprocess --source-lang "$source" --target-lang "$target" --workers "${WORKERS:-$(nproc)}" \
        --srcdict "$work/data/dict.$source.txt" --tgtdict "$work/data/dict.$target.txt" \
        "${splits[@]}" --destdir "$2"
    [ ! -e "$work/data/text.json" ] || cp "$work/data/text.json" "$2" # as the teacher's text was prepared
}

# fairseq trains on train and train1 together.
mix() {
    local file
    mkdir "$1"
    for file in "$folder"/distilled-data/*; do ln -s "$(readlink -f "$file")" "$1"; done
    for file in "$work"/data/train.*; do ln -s "$(readlink -f "$file")" "$1/train1${file#"$work"/data/train}"; done
}

made_with="SHARDS=$SHARDS"
refuse_other "$folder/distilled-text" # before anything is translated
[ -z "${NBEST:-}" ] || (made_with+=" NBEST=$NBEST" && refuse_other "$folder/interpolated-text")
if [ $# -gt 0 ]; then
    translate_all "$@"
    exit
fi
outputs=()
for ((shard = 0; shard < SHARDS; shard++)); do outputs+=("$folder/shards/$shard$of.out"); done
processes=()
at_a_time=$((${#gpus[@]} > 0 ? ${#gpus[@]} * ${PER_GPU:-1} : 1))
for ((first = 0; first < at_a_time; first++)); do
    (
        [ ${#gpus[@]} = 0 ] || export CUDA_VISIBLE_DEVICES=${gpus[first % ${#gpus[@]}]}
        translate_all $(seq "$first" "$at_a_time" $((SHARDS - 1)))
    ) &
    processes+=($!)
done
# All are waited for, so that none goes on beside a second call.
failed=0
for process in "${processes[@]}"; do wait "$process" || failed=1; done
[ "$failed" = 0 ] || fail "shards are missing: a second call makes them"
make "$folder/distilled-text" "$teacher" collect
make "$folder/distilled-data" "$folder/distilled-text" binarise "$folder/distilled-text"
make "$folder/mixed-data" "$folder/distilled-data" mix
[ -n "${NBEST:-}" ] || exit 0
made_with+=" NBEST=$NBEST"
make "$folder/interpolated-text" "$teacher" collect --reference "$work/bpe/train.$target"
make "$folder/interpolated-data" "$folder/interpolated-text" binarise "$folder/interpolated-text"
