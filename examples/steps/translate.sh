#!/usr/bin/env bash
# Translate the test set, or the validation set.
#
#   translate.sh RECIPE DIRECTION WORK MODEL SIZE
#
# MODEL is as in train.sh; SIZE is the number of iterations T of a CMLM (5 length candidates), the beam of the teacher. The output of
# fairseq-generate goes to WORK/DIRECTION/test/MODEL,T=SIZE.out (teacher,beam=SIZE.out). SPLIT (test, or valid), DECODING
# (more options of fairseq-generate), NAME (of the model's folder, and of the output, as in train.sh), INFILL (a file of
# lines SOURCE<TAB>TEMPLATE, whose blanks a CMLM fills: the output is MODEL,T=SIZE,ENDING.out) and DRAW (a number: a CMLM draws
# its words, with TEMPERATURE (0.7); the output is MODEL,T=SIZE,draw=DRAW.out) may be set.
usage="usage: translate.sh RECIPE DIRECTION WORK MODEL SIZE"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage} size=${5:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
split=${SPLIT:-test} folder=${NAME:-$model}
checkpoint=$work/$direction/$folder/averaged.pt
[ -e "$checkpoint" ] || fail "$checkpoint is missing: run average.sh $recipe $direction $work $folder first"
words options "${DECODING:-}"
# Models of fairseq's own tasks do not know how their text was prepared.
text=(--tokenizer text_pipeline --text-pipeline "$work/data/text.json")
case $model in
    teacher | teacher-*) options+=("${text[@]}" --task translation --beam "$size" --max-len-a 2 --max-len-b 10) name=$folder,beam=$size ;;
    # The maximum of fairseq's own does not count the first pass.
    fairseq) options+=("${text[@]}" --task translation_lev --iter-decode-max-iter $((size - 1)) --iter-decode-force-max-iter
        --iter-decode-with-beam 5 --beam 1) name=$folder,T=$size ;;
    # Of translations candidates are chosen as in the paper, unless DECODING says otherwise.
    *) [ -n "$format" ] || options=(--length-prior 0 "${options[@]}")
        options=(--task translation_cmlm --decoding-iterations "$size" --length-beam 5 "${options[@]}")
        name=$folder,T=$size ;;
esac
find_gpus
[ ${#gpus[@]} != 0 ] || options+=(--cpu)

if [ -n "${DRAW:-}" ]; then
    options+=(--sampling-temperature "${TEMPERATURE:-0.7}" --sampling-seed "$DRAW")
    name+=,draw=$DRAW
fi
command=(fairseq-generate) input=$checkpoint
if [ -n "${INFILL:-}" ]; then
    command=(fairseq-interactive) name+=,${INFILL##*.} input=$(newest "$checkpoint" "$INFILL")
    options+=(--infill --input "$INFILL" --buffer-size 10000)
fi

# What an autoregressive model was decoded with is told here, for fairseq's own task does not tell it.
translate() {
    ! is_autoregressive "$model" || echo "# decoding autoregressive|beam:$size" > "$1"
    "${command[@]}" "$work/data" -s "$source" -t "$target" --user-dir "$(plugin)" --path "$checkpoint" --gen-subset "$split" \
        --max-tokens 4096 --distributed-world-size 1 "${options[@]}" >> "$1"
}

make "$work/$direction/$split/$name.out" "$input" translate
