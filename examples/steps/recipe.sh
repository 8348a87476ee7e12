# What the steps of all recipes share. To be sourced by bash, after `usage` is set.
#
# A step writes under a temporary name, logs beside its result, and is skipped if the result is there and no older than
# what it was made from; a result of other options is refused. Of several runs in one WORK, one makes a result and the others
# wait for it.
set -Eeuo pipefail
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
current_log= log_begin=0 made_with= made_of=
exec 3>&2 # the terminal, while a step's own output goes to its log

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&3
    exit 1
}

trap 'status=$?; [ ! -s "$current_log" ] || show_log >&3; exit $status' ERR

# show_log: the end of the log, and before it the first error since log_begin, if those of other processes and of their
# launcher followed it.
show_log() {
    local first end
    first=$(tail -c "+$((log_begin + 1))" "$current_log" |
        grep -m 1 -E '^(\[rank[0-9]+\]: *)?([A-Za-z_.]+Error|[a-z-]+: error): ') || true
    end=$(tail -n 5 "$current_log")
    [[ -z $first || $end == *"$first"* ]] || echo "$first"
    echo "$end"
    echo "see $current_log"
}

# settings RECIPE [DIRECTION]: set what settings.sh of the recipe sets, recipe_folder, first and second (the endings of
# both texts: en and the other language, or source and target of a format), and source and target (without a direction,
# first and second).
settings() {
    recipe_folder=$examples/$1
    [ -d "$recipe_folder" ] || recipe_folder=$examples/wmt/$1
    [ -f "$recipe_folder/settings.sh" ] || fail "there is no recipe '$1', a folder with a settings.sh: $(cd "$examples" && echo */settings.sh */*/settings.sh)"
    format= data_name= data_licence= # of the training data, for the model card
    . "$recipe_folder/settings.sh"
    first=en second=${foreign:-}
    [ -z "$format" ] || first=source second=target
    local direction=${2:-$first-$second}
    case $direction in
        "$first-$second" | "$second-$first") source=${direction%-*} target=${direction#*-} ;;
        *) fail "the direction '$direction' of $1 is neither $first-$second nor $second-$first" ;;
    esac
}

# newest FILE...: the one written last.
newest() {
    local found=$1 file
    for file in "$@"; do [ ! "$file" -nt "$found" ] || found=$file; done
    echo "$found"
}

# stands RESULT INPUT: whether the result is there and no older than the input.
stands() { [ -e "$1" ] && [ ! "$2" -nt "$1" ]; }

# sum_of FILE...: a checksum of what they hold.
sum_of() { cat "$@" | cksum | tr ' ' -; }

# is_made RESULT INPUT: whether the result stands and, where `made_of` is a checksum of what the user has given, was made of
# that: a copy or an unpacked archive may be older than its result. RESULT.input keeps it (not of what an earlier version made).
is_made() {
    stands "$1" "$2" || return 1
    [ -z "$made_of" ] || [ ! -e "$1.input" ] || [ "$(< "$1.input")" = "$made_of" ]
}

# options_of_result: `made_with`, what a result depends on beside its input, wherever WORK is.
options_of_result() {
    local parts
    words parts "${made_with//"$work/"/WORK/}"
    echo "${parts[*]}"
}

# refuse_other RESULT: fail if the result is of other options, which RESULT.options keeps (not of what an earlier version made).
refuse_other() {
    local found wanted
    { [ -e "$1" ] && [ -e "$1.options" ]; } || return 0
    found=$(< "$1.options") wanted=$(options_of_result)
    [ "$found" = "$wanted" ] || fail "$1 was made with $found, and $wanted is wanted: remove it, or take another WORK"
}

# make RESULT INPUT COMMAND...: unless the result stands, have the command write it; it gets a temporary name as its
# last argument. What the result depends on beside its input is in `made_with`, as NAME=VALUE NAME=VALUE. WORK/steps.log receives a
# line at the begin and one at the end.
make() {
    local result=$1 input=$2
    shift 2
    refuse_other "$result"
    ! is_made "$result" "$input" || return 0
    mkdir -p "$(dirname "$result")"
    lock "$result.log"
    refuse_other "$result"
    if ! is_made "$result" "$input"; then
        rm -rf "$result.part"
        note begin "$result"
        current_log=$result.log
        "$@" "$result.part" > "$current_log" 2>&1
        current_log=
        rm -rf "$result"
        [ -z "$made_with" ] || options_of_result > "$result.options"
        [ -z "$made_of" ] || echo "$made_of" > "$result.input"
        mv "$result.part" "$result"
        note end "$result"
    fi
    unlock
}

# lock FILE: wait until no other process holds it. It is let go of by unlock, or when this process and those that it
# started have ended, however that came about.
lock() {
    exec {locked}>> "$1"
    flock -n "$locked" && return
    echo "waiting for another run, which writes $1"
    flock "$locked"
}

unlock() { exec {locked}>&-; }

# note begin|end RESULT: tell, and write into WORK/steps.log.
note() {
    printf '%s %-5s %s\n' "$(date '+%F %T')" "$1" "${2#"$work/"}" | tee -a "$work/steps.log"
}

# is_autoregressive MODEL: the teacher, or the teacher trained on.
is_autoregressive() { [[ $1 == teacher || $1 == teacher-* ]]; }

# text_of MODEL: what a model other than the teacher is trained on: raw, distilled and so on.
text_of() {
    local text=${1#warm-}
    text=${text#teacher-}
    echo "${text%%-from-?*}"
}

# ways MODEL WAYS: those in which a model translates, as translate.sh takes them: beam 5 from left to right, else WAYS.
ways() { if is_autoregressive "$1"; then echo 5; else echo "$2"; fi; }

# way_of MODEL WAY: how the output of a model is called that translates in a way of translate.sh.
way_of() {
    if is_autoregressive "$1"; then echo "beam=$2"; elif [[ $2 =~ ^[0-9]+$ ]]; then echo "T=$2"; else echo "$2"; fi
}

# The folder for --user-dir; PLUGIN names another one.
plugin() { echo "${PLUGIN:-$(fairseq-cmlm path)}"; }

# words ARRAY TEXT: set ARRAY to the words of the text, whatever white space is between them.
words() { read -r -d '' -a "$1" < <(printf '%s\0' "$2"); }

# find_gpus: set the array gpus to the GPUs of this machine to be used, as CUDA_VISIBLE_DEVICES names them: those that
# it lists or, where it is not set, all. GPUS=N takes the first N of them, GPUS=0 the CPU.
find_gpus() {
    local listed name
    gpus=()
    [[ ${GPUS:-0} =~ ^[0-9]+$ ]] || fail "GPUS is '$GPUS', and should be a number (0: the CPU)"
    [ "${GPUS:-}" != 0 ] || return 0
    if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
        IFS=, read -r -a listed <<< "${CUDA_VISIBLE_DEVICES// /}"
        for name in "${listed[@]}"; do
            [[ $name =~ ^([0-9]+|(GPU|MIG)-.+)$ ]] || break # CUDA, too, reads no further than to a -1
            gpus+=("$name")
        done
        [ "${GPUS:-0}" -le ${#gpus[@]} ] ||
            fail "GPUS is $GPUS, and CUDA_VISIBLE_DEVICES='$CUDA_VISIBLE_DEVICES' names ${#gpus[@]}: change one of them"
        [ ${#gpus[@]} = 0 ] || [ -n "${GPUS:-}" ] || command -v nvidia-smi > /dev/null ||
            fail "CUDA_VISIBLE_DEVICES names GPUs, but there is no nvidia-smi to see any: set GPUS (0: the CPU)"
        gpus=("${gpus[@]:0:${GPUS:-${#gpus[@]}}}")
    elif [ -n "${GPUS:-}" ]; then
        mapfile -t gpus < <(seq 0 $((GPUS - 1)))
    elif command -v nvidia-smi > /dev/null; then
        listed=$(nvidia-smi --list-gpus 2>&1) ||
            fail "nvidia-smi cannot list the GPUs (${listed%%$'\n'*}): set GPUS to their number (0: the CPU)"
        mapfile -t gpus < <(sed -n 's/^GPU \([0-9]*\):.*/\1/p' <<< "$listed")
    fi
}
