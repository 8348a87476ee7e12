# What the recipes of classification share. To be sourced by their settings.sh.
format=classification language=en bpe=joint
# The answers are chosen among the labels; the linear model needs no network; the texts are in the first column.
choice=labels baseline=linear unlabelled=1 lay_out=../lay_out.py
: "${MERGES:=4000}" "${DICTIONARY:=-1}" "${LONGEST:=500}" "${RATIO:=1000}" "${SHARDS:=2}"
: "${PRECISION:=bfloat16}" "${TOKENS:=4096}" "${MAX_TOKENS:=4096}" "${SAVE_EVERY:=100}" "${AVERAGE:=3}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=2000}" "${UPDATES:=2000}" "${DENOISE_UPDATES:=1000}"
: "${MODELS:=raw denoised}"

sizes=" --max-source-positions 512 --max-target-positions 512"
for side in encoder decoder; do
    sizes+=" --$side-layers 3 --$side-embed-dim 256 --$side-ffn-embed-dim 1024 --$side-attention-heads 4"
done
: "${TEACHER_OPTIONS:=$sizes --lr 1e-3 --warmup-updates 600 --clip-norm 1.0 --weight-decay 1e-4}"
: "${OPTIONS:=$sizes --lr 1e-3 --lr-scheduler cosine --warmup-updates 400 --clip-norm 1.0 --dropout 0.3 \
    --adam-betas (0.9,0.98)}"

# No paper is repeated.
declare -gA paper=()
