# What a model of the paper was trained and scored on, for the language pair in $pair. To be sourced by the other scripts.
#
# It sets source, target, testset (its name in sacreBLEU), tokenize (how the paper scored it), the paper's BLEU (its tables 1
# and 2, base model) after 4 and 10 iterations, and the functions pipeline and refuse_other.
source=${pair%_*} target=${pair#*_}
case $pair in
    en_de) testset=wmt14/full tokenize=none paper=([4]=25.94 [10]=27.03) ;;
    de_en) testset=wmt14/full tokenize=none paper=([4]=29.90 [10]=30.53) ;;
    en_ro) testset=wmt16 tokenize=none paper=([4]=32.53 [10]=33.08) ;;
    ro_en) testset=wmt16 tokenize=none paper=([4]=33.23 [10]=33.31) ;;
    en_zh) testset=wmt17 tokenize=zh paper=([4]=32.63 [10]=33.19) ;;
    zh_en) testset=wmt17 tokenize=13a paper=([4]=21.90 [10]=23.21) ;;
    *) echo "$(basename "$0"): '$pair' is none of en_de, de_en, en_ro, ro_en, en_zh, zh_en" >&2; exit 1 ;;
esac

# pipeline RELEASED DICTIONARY: set options to how the model's text was prepared, for fairseq-cmlm text and prepare. The
# BPE codes are those in CODES, or the one file in RELEASED whose name holds "code" or "bpe"; 1 if there is none.
pipeline() {
    local codes tokenizer=moses
    codes=${CODES:-$(find "$1" -type f \( -name '*code*' -o -name '*bpe*' \) | sort)}
    [ -f "$codes" ] || return 1
    # The dictionary shows whether the model's text was tokenised with &apos; for ' and with @-@ inside compounds.
    grep -q '^&apos;' "$2" || tokenizer+=-no-escape
    grep -q '^@-@ ' "$2" || tokenizer+=-no-dash-splits
    options=(-s "$source" -t "$target" --tokenizer "$tokenizer" --normalise punctuation --bpe-codes "$codes")
}

# refuse_other RESULT WHAT...: fail if the result stands and is of something else, which RESULT.made-with keeps (not of what an
# earlier version made).
refuse_other() {
    local result=$1 file=$1.made-with found
    shift
    if [ -s "$result" ] && [ -e "$file" ]; then
        found=$(< "$file")
        [ "$found" = "$*" ] && return
        echo "$(basename "$0"): $result was made with $found, and $* is wanted: remove it, or take another WORK" >&2
        exit 1
    fi
    mkdir -p "$(dirname "$result")"
    echo "$*" > "$file"
}
