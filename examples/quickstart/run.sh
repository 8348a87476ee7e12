#!/usr/bin/env bash
# From nothing to a trained model that translates, in about 10 minutes on 2 cores once everything is installed.
#
#   run.sh [WORK]            WORK (default: examples/quickstart/work) receives text, data, checkpoints and translations
#
# What stands is not done again; an interrupted training goes on from its last checkpoint. To begin anew, remove WORK.
# TRAIN_LINES, TEST_LINES, UPDATES, SAVE_EVERY and SEED may be set; the test of this script makes them small.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here/work}
train_lines=${TRAIN_LINES:-20000} test_lines=${TEST_LINES:-300} updates=${UPDATES:-2400} seed=${SEED:-1}
. "$here/../environment.sh"
plugin=$(fairseq-cmlm path)
mkdir -p "$work"

say() { printf '\n== %s\n' "$*"; }

# Not of a WORK that an earlier version made.
made_with="TRAIN_LINES=$train_lines TEST_LINES=$test_lines SEED=$seed"
if [ -d "$work/text" ] && [ -e "$work/made-with" ] && [ "$(< "$work/made-with")" != "$made_with" ]; then
    echo "run.sh: $work was made with $(< "$work/made-with"), and $made_with is wanted: remove it, or name another folder" >&2
    exit 1
fi
echo "$made_with" > "$work/made-with"

for trained in "$work"/checkpoints/*.done; do
    number=$(basename "$trained" .done)
    if [ -e "$trained" ] && [ "$number" -gt "$updates" ]; then
        echo "run.sh: $work is trained for $number updates, and $updates are wanted: remove it, or name another folder" >&2
        exit 1
    fi
done

if [ ! -d "$work/text" ]; then
    say "making a parallel corpus from a grammar of two invented languages: $work/text"
    python "$here/grammar.py" "$work/text.part" --train "$train_lines" --test "$test_lines" --seed "$seed"
    mv "$work/text.part" "$work/text"
fi

if [ ! -d "$work/data" ]; then
    say "learning BPE, one code for both languages, and binarising: $work/data"
    fairseq-cmlm prepare "$work/text" "$work" -s src -t tgt --tokenizer none --merges 400 --workers 1 > "$work/prepare.log" 2>&1 ||
        { tail -n 5 "$work/prepare.log" >&2; exit 1; }
fi

if [ ! -e "$work/checkpoints/$updates.done" ]; then
    say "training cmlm_tiny for $updates updates: $work/train.log"
    fairseq-train "$work/data" -s src -t tgt --user-dir "$plugin" \
        --task translation_cmlm --arch cmlm_tiny --criterion cmlm_loss --share-all-embeddings \
        --optimizer adam --adam-betas '(0.9, 0.98)' --clip-norm 1.0 --weight-decay 0.01 --num-workers 0 \
        --lr 2e-3 --lr-scheduler inverse_sqrt --warmup-updates 300 --max-tokens 2048 --max-update "$updates" --seed "$seed" \
        --max-source-positions 64 --max-target-positions 64 \
        --no-epoch-checkpoints --save-interval-updates "${SAVE_EVERY:-200}" --keep-interval-updates 1 --validate-interval 10 \
        --save-dir "$work/checkpoints" --log-format simple --log-interval 50 2>&1 |
        tee -a "$work/train.log" | sed -u -n -E \
        -e 's/^.* train_inner .* loss=([^ ,]+), nll_loss=([^ ,]+), .* num_updates=([0-9]+),.*$/update \3 of '"$updates"': loss \1, nll \2/p' \
        -e '/rror/p'
    touch "$work/checkpoints/$updates.done"
fi

say "translating $test_lines unseen sentences in 1, 4 and 10 iterations"
outputs=()
for iterations in 1 4 10; do
    output=$work/T=$iterations.out
    outputs+=("$output")
    if [ ! -e "$output" ] || [ "$work/checkpoints/$updates.done" -nt "$output" ]; then
        fairseq-generate "$work/data" -s src -t tgt --user-dir "$plugin" --task translation_cmlm \
            --path "$work/checkpoints/checkpoint_last.pt" --decoding-iterations "$iterations" --length-beam 5 \
            --print-step --retain-iter-history --num-workers 0 \
            --distributed-world-size 1 \
            > "$output.part" 2> "$work/generate.log" || { tail -n 5 "$work/generate.log" >&2; exit 1; }
        mv "$output.part" "$output"
    fi
done
fairseq-cmlm score "${outputs[@]}" --reference "$work"/text/test.ref*.tgt

say "one sentence after every iteration; in brackets what was masked and predicted anew"
awk -F '\t' '
    $1 == "S-0" { print "source   " $2 }
    $1 ~ /^E-0_/ {
        state = substr($1, 5)  # even: what a pass read, odd: what stood there after it
        if (state % 2 == 0) { split($2, seen, " "); next }
        words = split($2, written, " ")
        line = ""
        for (i = 1; i <= words; i++) line = line " " (seen[i] == "<mask>" ? "[" written[i] "]" : written[i])
        printf "pass %2d %s\n", int(state / 2) + 1, line
    }' "$work/T=10.out"
