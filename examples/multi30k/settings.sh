# Multi30k English-German (task 1, test 2016): 29,000 captions, small enough for a machine without a GPU. To be sourced by
# the steps in examples/steps.
foreign=de
bpe=joint
: "${MERGES:=4000}" "${DICTIONARY:=-1}" "${LONGEST:=80}" "${RATIO:=9}" "${SHARDS:=2}"
: "${PRECISION:=bfloat16}" "${TOKENS:=4096}" "${MAX_TOKENS:=4096}" "${SAVE_EVERY:=100}" "${AVERAGE:=3}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=1800}" "${UPDATES:=1000}"

sizes=
for side in encoder decoder; do
    sizes+=" --$side-layers 3 --$side-embed-dim 256 --$side-ffn-embed-dim 1024 --$side-attention-heads 4"
done
: "${TEACHER_OPTIONS:=$sizes --lr 1e-3 --warmup-updates 600 --clip-norm 1.0 --weight-decay 1e-4}"
# BLEU of the validation set, with one length candidate, is logged with each checkpoint.
: "${OPTIONS:=$sizes --lr 1e-3 --lr-scheduler cosine --warmup-updates 200 --clip-norm 1.0 --dropout 0.2 \
    --adam-betas (0.9,0.98) --eval-bleu --eval-bleu-args {\"decoding_iterations\":10,\"length_beam\":1\} \
    --eval-bleu-remove-bpe subword_nmt}"

# The paper has no figures for it.
declare -gA paper=()
