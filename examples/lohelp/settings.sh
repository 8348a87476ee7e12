# LibreOffice's help, English-German: some 60,000 paragraphs of technical text, ten words each on average. To be sourced by the
# steps in examples/steps.
foreign=de
bpe=joint
: "${MERGES:=4000}" "${DICTIONARY:=-1}" "${LONGEST:=120}" "${RATIO:=9}" "${SHARDS:=2}"
: "${PRECISION:=bfloat16}" "${TOKENS:=2048}" "${MAX_TOKENS:=2048}" "${SAVE_EVERY:=500}" "${AVERAGE:=3}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=6000}" "${UPDATES:=8000}"

sizes=
for side in encoder decoder; do
    sizes+=" --$side-layers 3 --$side-embed-dim 256 --$side-ffn-embed-dim 1024 --$side-attention-heads 4"
done
: "${TEACHER_OPTIONS:=$sizes --lr 1e-3 --warmup-updates 600 --clip-norm 1.0 --weight-decay 1e-4}"
: "${OPTIONS:=$sizes --lr 1e-3 --lr-scheduler cosine --warmup-updates 400 --clip-norm 1.0 --dropout 0.2 \
    --adam-betas (0.9,0.98)}"

# The paper has no figures for it.
declare -gA paper=()
