# Infilling: words, phrases and sentences missing from any text, a text a line. To be sourced by the steps in
# examples/steps.
format=infilling language=en compared=left_infilling
# What the user has given is not normalised: only then it stays as it is.
: "${PREPARE:=--normalise nfc}"
bpe=joint
: "${MERGES:=4000}" "${DICTIONARY:=-1}" "${LONGEST:=150}" "${RATIO:=1000}" "${SHARDS:=2}"
: "${PRECISION:=bfloat16}" "${TOKENS:=2048}" "${MAX_TOKENS:=2048}" "${SAVE_EVERY:=500}" "${AVERAGE:=3}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=3000}" "${UPDATES:=3000}"
: "${MODELS:=raw}" "${ITERATIONS:=1 4 10}"

sizes=
for side in encoder decoder; do
    sizes+=" --$side-layers 3 --$side-embed-dim 256 --$side-ffn-embed-dim 1024 --$side-attention-heads 4"
done
: "${TEACHER_OPTIONS:=$sizes --lr 1e-3 --warmup-updates 600 --clip-norm 1.0 --weight-decay 1e-4}"
: "${OPTIONS:=$sizes --lr 1e-3 --lr-scheduler cosine --warmup-updates 400 --clip-norm 1.0 --dropout 0.2 \
    --adam-betas (0.9,0.98)}"

# No paper is repeated.
declare -gA paper=()
