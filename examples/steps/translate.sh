#!/usr/bin/env bash
# Translate the test set, or the validation set.
#
#   translate.sh RECIPE DIRECTION WORK MODEL WAY
#
# MODEL is as in train.sh. WAY is the beam of the teacher, 5 say, or with another length penalty 5,lenpen=2; of a CMLM it is the
# number of iterations T (5 length candidates), or words with commas between them:
#   full, fast, best     a preset
#   T=N                  with N iterations
#   rescored-NAME        its candidates chosen by the model in WORK/DIRECTION/NAME, which reads from left to right
#   planned-NAME         each pass planned by that model
#   pool-NAME            pooled with the hypotheses of beam search by that model
#   rescored-itself, planned-itself, pool-itself
#                        the same by its own reading from left to right: needs --objective hybrid, as do the next
#   verified             its own greedy search, proposed and verified
#   left-to-right        its own beam search
# The output of fairseq-generate goes to WORK/DIRECTION/test/MODEL,WAY.out (MODEL,T=10.out, teacher,beam=5.out). SPLIT (test, or
# valid), DECODING (more options of fairseq-generate), NAME (of the model's folder, and of the output, as in train.sh),
# INFILL (a file of lines SOURCE<TAB>TEMPLATE, whose blanks a CMLM fills: the output is MODEL,WAY,ENDING.out) and DRAW (a
# number: a CMLM draws its words, with TEMPERATURE (0.7); the output is MODEL,WAY,draw=DRAW.out, or of a temperature that is
# given MODEL,WAY,temperature=TEMPERATURE,draw=DRAW.out) may be set.
usage="usage: translate.sh RECIPE DIRECTION WORK MODEL WAY"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage} way=${5:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
split=${SPLIT:-test} folder=${NAME:-$model}
checkpoint=$work/$direction/$folder/averaged.pt
[ -e "$checkpoint" ] || fail "$checkpoint is missing: run average.sh $recipe $direction $work $folder first"
words options "${DECODING:-}"
# Models of fairseq's own tasks do not know how their text was prepared.
text=(--tokenizer text_pipeline --text-pipeline "$work/data/text.json") beam= penalty= newest=$checkpoint
name=$folder,$(way_of "$model" "$way")

# read_other WORD OPTION: give the option the model that the rest of the word names.
read_other() {
    other=${word#"$1"-}
    [ "$other" != itself ] || other=$folder
    other=$work/$direction/$other/averaged.pt
    [ -e "$other" ] || fail "$other is missing, which $word reads: run average.sh first"
    options+=("$2" "$other") newest=$(newest "$newest" "$other")
}

# read_search: set options to what the way of a teacher says.
read_search() {
    [[ $way =~ ^([0-9]+)(,lenpen=([0-9]+([.][0-9]+)?))?$ ]] || fail "the way '$way' of $model is no beam: say 5, or 5,lenpen=2"
    beam=${BASH_REMATCH[1]} penalty=${BASH_REMATCH[3]}
    options=("${text[@]}" --task translation --beam "$beam" ${penalty:+--lenpen "$penalty"} --max-len-a 2 --max-len-b 10)
}

# read_way: set options to what the words of a CMLM's way say.
read_way() {
    local word other
    options=(--task translation_cmlm)
    [[ ! $way =~ ^T=[0-9]+$ ]] || fail "say '${way#T=}' (as in the paper) or 'full,$way' in the place of '$way'"
    for word in ${way//,/ }; do
        case $word in
            full | fast | best) options+=(--decoding-preset "$word") ;;
            T=*) options+=(--decoding-iterations "${word#T=}") ;;
            rescored-*) read_other rescored --rescore-with ;;
            planned-*) read_other planned --plan-with ;;
            pool-*) read_other pool --search-with ;;
            verified) options+=(--verify-with "$checkpoint" --length-beam 3) ;;
            left-to-right) options=(--task translation_cmlm_causal --beam 5) beam=5 ;;
            *) fail "'$word' of the way '$way' is no number, full, fast, best, T=N, rescored-NAME, planned-NAME, pool-NAME, verified or left-to-right" ;;
        esac
    done
}

given=("${options[@]}")
case $model in
    teacher | teacher-*) read_search ;;
    # The maximum of fairseq's own does not count the first pass.
    fairseq) options=("${text[@]}" --task translation_lev --iter-decode-max-iter $((way - 1)) --iter-decode-force-max-iter
        --iter-decode-with-beam 5 --beam 1) ;;
    *)
        if [[ $way =~ ^[0-9]+$ ]]; then
            options=(--task translation_cmlm --decoding-iterations "$way" --length-beam 5)
            # Of translations candidates are chosen as in the paper, unless DECODING says otherwise.
            [ -n "$format" ] || options+=(--length-prior 0)
        else
            read_way
        fi
        ;;
esac
options+=("${given[@]}")
find_gpus
[ ${#gpus[@]} != 0 ] || options+=(--cpu)

if [ -n "${DRAW:-}" ]; then
    options+=(--sampling-temperature "${TEMPERATURE:-0.7}" --sampling-seed "$DRAW")
    name+=${TEMPERATURE:+,temperature=$TEMPERATURE},draw=$DRAW
fi
command=(fairseq-generate) input=$newest
if [ -n "${INFILL:-}" ]; then
    command=(fairseq-interactive) name+=,${INFILL##*.} input=$(newest "$newest" "$INFILL")
    options+=(--infill --input "$INFILL" --buffer-size 10000)
fi

# What a model from left to right was decoded with is told here, for fairseq does not tell it.
translate() {
    [ -z "$beam" ] || echo "# decoding autoregressive|beam:$beam${penalty:+|lenpen:$penalty}" > "$1"
    "${command[@]}" "$work/data" -s "$source" -t "$target" --user-dir "$(plugin)" --path "$checkpoint" --gen-subset "$split" \
        --max-tokens 4096 --distributed-world-size 1 "${options[@]}" >> "$1"
}

made_with="DECODING=${DECODING:-} INFILL=${INFILL:-}"
make "$work/$direction/$split/$name.out" "$input" translate
