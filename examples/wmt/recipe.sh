# What the steps of the WMT recipes share. To be sourced by bash, after `usage` is set.
#
# A step writes under a temporary name, logs beside its result, and is skipped if the result is there and no older than
# what it was made from.
set -Eeuo pipefail
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
current_log=
exec 3>&2 # the terminal, while a step's own output goes to its log

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&3
    exit 1
}

trap 'status=$?; [ ! -s "$current_log" ] || { tail -n 5 "$current_log"; echo "see $current_log"; } >&3; exit $status' ERR

# settings RECIPE [DIRECTION]: set what settings.sh of the recipe sets, and source and target (without a direction, en
# and the other language).
settings() {
    [ -f "$examples/$1/settings.sh" ] || fail "there is no recipe '$1': wmt14_en_de, wmt16_en_ro, wmt17_en_zh and multi30k are"
    . "$examples/$1/settings.sh"
    local direction=${2:-en-$foreign}
    case $direction in
        en-"$foreign" | "$foreign"-en) source=${direction%-*} target=${direction#*-} ;;
        *) fail "the direction '$direction' of $1 is neither en-$foreign nor $foreign-en" ;;
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

# make RESULT INPUT COMMAND...: unless the result stands, have the command write it; it gets a temporary name as its
# last argument. WORK/steps.log receives a line at the begin and one at the end.
make() {
    local result=$1 input=$2
    shift 2
    ! stands "$result" "$input" || return 0
    mkdir -p "$(dirname "$result")"
    rm -rf "$result.part"
    note begin "$result"
    current_log=$result.log
    "$@" "$result.part" > "$current_log" 2>&1
    current_log=
    rm -rf "$result"
    mv "$result.part" "$result"
    note end "$result"
}

# note begin|end RESULT: tell, and write into WORK/steps.log.
note() {
    printf '%s %-5s %s\n' "$(date '+%F %T')" "$1" "${2#"$work/"}" | tee -a "$work/steps.log"
}

# The folder for --user-dir. run.sh asks once, for it takes seconds.
plugin() { echo "${PLUGIN:-$(fairseq-cmlm path)}"; }

# gpus: how many train; none on a machine without.
gpus() {
    if [ "${SLURM_NNODES:-1}" -gt 1 ]; then
        echo "$SLURM_NTASKS"
    elif [ -n "${GPUS:-}" ] || ! command -v nvidia-smi > /dev/null; then
        echo "${GPUS:-0}"
    else
        nvidia-smi --list-gpus | wc -l
    fi
}

# codes LANGUAGE: the file of its BPE codes.
codes() {
    [ "$bpe" = joint ] && echo "$work/bpe/codes" || echo "$work/bpe/codes.$1"
}
