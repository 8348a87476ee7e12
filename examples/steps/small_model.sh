# What the recipes of small models share: 8 million parameters, for one core of a CPU. To be sourced by a settings.sh, after
# what it sets otherwise; `positions`, `warm_up`, `dropout`, `objective` and `noising` are parts of the options that it may set.
bpe=joint
: "${MERGES:=4000}" "${DICTIONARY:=-1}" "${LONGEST:=150}" "${RATIO:=9}" "${SHARDS:=2}"
: "${PRECISION:=bfloat16}" "${TOKENS:=2048}" "${MAX_TOKENS:=2048}" "${SAVE_EVERY:=500}" "${AVERAGE:=3}"
: "${TEACHER:=transformer}"

sizes=${positions:-}
for side in encoder decoder; do
    sizes+=" --$side-layers 3 --$side-embed-dim 256 --$side-ffn-embed-dim 1024 --$side-attention-heads 4"
done
: "${TEACHER_OPTIONS:=$sizes --lr 1e-3 --warmup-updates 600 --clip-norm 1.0 --weight-decay 1e-4}"
: "${OPTIONS:=$sizes --lr 1e-3 --lr-scheduler cosine --warmup-updates ${warm_up:-400} --clip-norm 1.0 \
    --dropout ${dropout:-0.2} --adam-betas (0.9,0.98)${objective:+ --objective $objective}${noising:+ --noising $noising}}"

# No figures of the paper are for it.
declare -gA paper=()
