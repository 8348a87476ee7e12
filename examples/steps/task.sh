#!/usr/bin/env bash
# A task from the publisher's records to the table of its measures: a CMLM beside an autoregressive model.
#
#   task.sh RECIPE WORK [FOLDER]
#
# RECIPE is a folder of examples with a settings.sh that names a format, such as data_to_text. FOLDER holds the publisher's
# files, as `fairseq-cmlm format` reads them; without it they are downloaded. The autoregressive model has the CMLM's sizes and
# text, and is measured after TEACHER_UPDATES (teacher) and, where that is less, after as many updates as the CMLM
# (updates-MODEL) and after as much time (longer-MODEL), which include what went into the CMLM before, a teacher and its
# translations, but for a training that got no better in PATIENCE (10) validations in a row. All is measured on the split
# test, or valid if there is none.
# WORK/results.md and results.json receive the table, each model's folder its card. MODELS (of those that train.sh names, and
# denoised: see denoise below), ITERATIONS ("4 10"), WAYS (more ways of translate.sh), DRAWS, CUT (words of a source that are
# kept) and what the steps take may be set. What stands is not done again; an interrupted step goes on or is done again.
usage="usage: task.sh RECIPE WORK [FOLDER]"
recipe=${1:?$usage} work=${2:?$usage} records=${3:-$2/records}
. "$(dirname "$0")/recipe.sh"
settings "$recipe"
[ -n "$format" ] || fail "'$recipe' names no format: run.sh is for translation"
models=" ${MODELS:-raw} "
case $models in *" fairseq "*) fail "fairseq's own CMLM is for run.sh: leave it out of MODELS" ;; esac
case $models in
    *" denoised "*)
        [[ $work != *[[:space:]]* ]] || fail "the model denoised needs a WORK without white space, and '$work' has some"
        [ -n "${unlabelled:-}" ] || fail "$recipe does not say which column has its texts: leave the model denoised out"
        ;;
esac
. "$examples/environment.sh"
step() { bash "$examples/steps/$1.sh" "$recipe" "${@:2}"; }

# write_text FORMAT [OPTION...] FOLDER: the text of a format.
write_text() { fairseq-cmlm format "$1" "$records" "${!#}" --seed "${SEED:-1}" ${CUT:+--longest "$CUT"} "${@:2:$#-2}"; }

# The records of a recipe whose publisher's files have another shape.
lay_out_records() { python "$recipe_folder/$lay_out" "$records" "$1" --seed "${SEED:-1}" "${lay_out_options[@]}"; }

# The answers of what needs no network.
answer_simply() {
    local options=(--train "$work/text/train.jsonl")
    [ "$choice" != labels ] || [ "$SPLIT" = valid ] || options+=(--calibrate-on "$work/text/valid.jsonl")
    fairseq-cmlm baseline "$work/text/$SPLIT.jsonl" "${options[@]}" > "$1"
}

# choose NAME: the likeliest of the possible answers by the model in the folder NAME.
choose() {
    step choose "$direction" "$work" "$1"
    outputs+=("$work/$direction/$SPLIT/$1,$choice.out")
}

# write_documents MODEL SIZE WAY...: the documents by the model in the folder MODEL, in each of the ways.
write_documents() {
    local way
    for way in "${@:3}"; do
        step documents "$direction" "$work" "$1" "$2" "$way"
        outputs+=("$work/$direction/$SPLIT/$1,$2,$way.out")
    done
}

# search WORK NAME: the test text by the autoregressive model in the folder NAME.
search() {
    if [ "$choice" = labels ]; then
        choose "$2"
        return
    fi
    if [ -n "${document_ways:-}" ]; then
        write_documents "$2" beam=5 windows paragraphs
        return
    fi
    NAME=$2 step translate "$direction" "$1" teacher 5
    outputs+=("$1/$direction/$SPLIT/$2,beam=5.out")
}

# fill MODEL: the test text by a CMLM in each number of passes and in WAYS, with the most passes also drawn (DRAWS: numbers);
# where there are templates, with blanks of unknown and of known length too.
fill() {
    local way name draw templates
    if is_autoregressive "$1"; then
        search "$work" "$1"
        return
    fi
    judge=(--judge "$work/$direction/$1/averaged.pt")
    [ -z "$choice" ] || choose "$1"
    [ "$choice" != labels ] || return 0
    if [ -n "${document_ways:-}" ]; then
        for way in $ITERATIONS; do write_documents "$1" "T=$way" $document_ways; done
        return
    fi
    for way in $ITERATIONS ${WAYS:-}; do
        name=$work/$direction/$SPLIT/$1,$(way_of "$1" "$way")
        step translate "$direction" "$work" "$1" "$way"
        outputs+=("$name.out")
        for draw in ${DRAWS:-}; do
            [ "$way" = "${ITERATIONS##* }" ] || continue
            DRAW=$draw step translate "$direction" "$work" "$1" "$way"
            outputs+=("$name${TEMPERATURE:+,temperature=$TEMPERATURE},draw=$draw.out")
        done
        # What is written from left to right has no templates.
        case $way in *pool-* | verified | left-to-right) continue ;; esac
        [ -e "$work/sized/$SPLIT.infill" ] || continue
        for templates in infill sized; do
            INFILL=$work/sized/$SPLIT.$templates step translate "$direction" "$work" "$1" "$way"
            outputs+=("$name,$templates.out")
        done
    done
}

# The texts alone, split by the program `pieces` of the recipe where it has one, and in one more what the dictionary must have
# beside them: the words of all labels, or the mark between question and text.
unlabelled_records() {
    local split split_texts=(cat)
    [ -z "${pieces:-}" ] || split_texts=(python "$recipe_folder/$pieces")
    mkdir "$1"
    for split in train valid; do
        tail -n +2 "$records/$split.tsv" | cut -f "$unlabelled" | "${split_texts[@]}" | awk '!seen[$0]++' > "$1/$split.text"
    done
    case $choice in
        labels) echo "the labels are $(sort -u "$work/text/train.target" | paste -s -d ' ')" ;;
        spans) echo "a question → a text" ;;
    esac >> "$1/train.text"
}

unlabelled_text() { fairseq-cmlm format infilling "$denoise/records" "$1" --seed "${SEED:-1}"; }

# The task's own texts, of which parts are missing. Their dictionary and subwords are those of all models then.
prepare_denoising() {
    make "$denoise/records" "$work/text" unlabelled_records
    make "$denoise/text" "$denoise/records" unlabelled_text
    step prepare "$denoise" "$denoise/text"
    PREPARE+=" --text-pipeline $denoise/text.json --dictionaries $denoise/data"
}

# denoise: train a CMLM to write them whole, in DENOISE_UPDATES of DENOISE_TOKENS (TOKENS).
denoise() {
    [ -z "${DENOISE_TOKENS:-}" ] || local -x TOKENS=$DENOISE_TOKENS MAX_TOKENS=$DENOISE_TOKENS
    UPDATES=$DENOISE_UPDATES step train "$direction" "$denoise" raw
    step average "$direction" "$denoise" raw
}

# train_cmlm MODEL: a denoised one goes on from the CMLM that denoise has trained.
train_cmlm() {
    case $1 in
        denoised)
            denoise
            NAME=$1 OPTIONS="$OPTIONS --init-from $denoise/$direction/raw/averaged.pt" step train "$direction" "$work" raw
            ;;
        *) step train "$direction" "$work" "$1" ;;
    esac
    step average "$direction" "$work" "$1"
}

# learns_from_teacher MODEL: whether its text has translations by the teacher.
learns_from_teacher() { [[ $1 != denoised && $(text_of "$1") != raw ]]; }

# logs_of NAME: the logs of all that went into the model in a folder: its training, the teacher's where it has parameters or
# translations of it, with these, and what went into a model that it began with, such as the denoising.
logs_of() {
    local model begin folder=$work/$direction
    model=$(sed -n '2s/,.*//p' "$folder/$1/training")
    begin=$(sed -n '2s/.* --init-from \([^ ]*\).*/\1/p' "$folder/$1/training")
    echo "$folder/$1/train.log"
    if [ -e "${begin:+$(dirname "$begin")/train.log}" ]; then
        dirname "$begin" | sed 's|$|/train.log|'
    elif [ -n "$begin" ]; then
        echo "the time that went into $begin, with which $1 began, is not counted: no train.log is beside it" >&2
    fi
    case $model in
        *-from-*) logs_of "${model#*-from-}" ;;
        warm-* | teacher-*) echo "$folder/teacher/train.log" ;;
    esac
    ! learns_from_teacher "$model" ||
        printf '%s\n' "$folder/teacher/train.log" "$folder"/shards/*-of-"$SHARDS${NBEST:+,nbest=$NBEST}.out.log"
}

# go_on FROM NAME UPDATES: the autoregressive model in the folder NAME, trained on from where that in the folder FROM ended.
go_on() {
    local folder=$work/$direction
    if [ ! -d "$folder/$2" ]; then
        rm -rf "$folder/$2.part"
        cp -r "$folder/$1" "$folder/$2.part"
        rm -f "$folder/$2.part"/{averaged.pt,*.done}
        mv "$folder/$2.part" "$folder/$2"
    fi
    PATIENCE=${PATIENCE:-10} TEACHER_UPDATES=$3 NAME=$2 step train "$direction" "$work" teacher
    step average "$direction" "$work" "$2"
    search "$work" "$2"
}

# rivals MODEL: the autoregressive model after as many updates as went into MODEL, and after as much time, or when more has
# brought nothing for long. Of the two the longer training goes on from the shorter.
rivals() {
    local found logs equal rivals rival updates name from=teacher
    found=$(logs_of "$1") # not in the next line, where bash would not see that it failed
    mapfile -t logs < <(sort -u <<< "$found")
    equal=$(python "$examples/steps/equal.py" "$work/$direction/teacher/train.log" "${logs[@]}")
    mapfile -t rivals < <(printf '%s\n' "${equal% *} updates-$1" "${equal#* } longer-$1" | sort -n)
    for rival in "${rivals[@]}"; do
        updates=${rival%% *} name=${rival#* }
        if [ "$updates" -le "$TEACHER_UPDATES" ]; then
            echo "the teacher had $TEACHER_UPDATES updates, which is no less than the $updates of $name: measured once"
            continue
        fi
        go_on "$from" "$name" "$updates"
        from=$name
    done
}

# autoregress WORK: train the autoregressive model on the text of WORK, and have it answer.
autoregress() {
    PREPARE=$PREPARE step prepare "$1" "$1/text"
    step train "$direction" "$1" teacher
    step average "$direction" "$1" teacher
    search "$1" teacher
}

# score WORK [OPTION...]: measure all outputs.
score() {
    local options=("${@:2}" --examples "$1/text/$SPLIT.jsonl" --json "$1/results.json")
    [ "$choice" != labels ] || options+=(--confusion "$1/confusion.svg")
    fairseq-cmlm score "${outputs[@]}" "${options[@]}" > "$1/results.part"
    mv "$1/results.part" "$1/results.md"
    step card "$direction" "$1" "$1/results.md" "${outputs[@]}"
    cat "$1/results.md"
    outputs=()
}

[ $# -gt 2 ] || step download "$work"
direction=$source-$target outputs=() judge=() ITERATIONS=${ITERATIONS:-4 10} choice=${choice:-} PREPARE=${PREPARE:-} denoise=$work/denoise
mkdir -p "$work"
made_with="CUT=${CUT:-} SEED=${SEED:-1}"
mapfile -t files < <(find -L "$records" -maxdepth 1 -type f 2> /dev/null | sort)
[ ${#files[@]} -gt 0 ] || fail "$records is no folder with the publisher's files"
records_sum=$(sum_of "${files[@]}")
made_of=$records_sum
if [ -n "${lay_out:-}" ]; then
    make "$work/laid-out" "$(newest "$records"/*)" lay_out_records
    records=$work/laid-out
fi
inputs=$(newest "$records"/{train,valid,test}.*)
make "$work/text" "$inputs" write_text "$format"
made_of=
export SPLIT
SPLIT=$([ -e "$work/text/test.jsonl" ] && echo test || echo valid)
if [ -n "${baseline:-}" ]; then
    make "$work/$direction/$SPLIT/$baseline.out" "$work/text" answer_simply
    outputs+=("$work/$direction/$SPLIT/$baseline.out")
fi
case $models in *" denoised "*) prepare_denoising ;; esac
autoregress "$work"
[ ! -e "$work/text/$SPLIT.infill" ] ||
    make "$work/sized" "$work/data" write_text "$format" --text-pipeline "$work/data/text.json"
for model in $models; do
    ! learns_from_teacher "$model" || step distill "$direction" "$work"
    train_cmlm "$model"
    fill "$model"
    rivals "$model"
done
score "$work" "${judge[@]}"
# Another format of the same records, for an autoregressive model alone.
if [ -n "${compared:-}" ]; then
    mkdir -p "$work/$compared"
    made_of=$records_sum
    make "$work/$compared/text" "$inputs" write_text "$compared"
    made_of=
    autoregress "$work/$compared"
    score "$work/$compared"
fi
