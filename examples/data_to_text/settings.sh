# WebNLG, triples to English text: 18,102 texts of 6,893 sets of triples. To be sourced by the steps in examples/steps.
format=data_to_text language=en
bpe=joint
: "${MERGES:=4000}" "${DICTIONARY:=-1}" "${LONGEST:=150}" "${RATIO:=9}" "${SHARDS:=2}"
: "${PRECISION:=bfloat16}" "${TOKENS:=2048}" "${MAX_TOKENS:=2048}" "${SAVE_EVERY:=500}" "${AVERAGE:=3}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=4000}" "${UPDATES:=4000}"
: "${MODELS:=warm-distilled}" "${ITERATIONS:=1 4 10}"

sizes=
for side in encoder decoder; do
    sizes+=" --$side-layers 3 --$side-embed-dim 256 --$side-ffn-embed-dim 1024 --$side-attention-heads 4"
done
: "${TEACHER_OPTIONS:=$sizes --lr 1e-3 --warmup-updates 600 --clip-norm 1.0 --weight-decay 1e-4}"
: "${OPTIONS:=$sizes --lr 1e-3 --lr-scheduler cosine --warmup-updates 400 --clip-norm 1.0 --dropout 0.2 \
    --adam-betas (0.9,0.98)}"

# No paper is repeated.
declare -gA paper=()
