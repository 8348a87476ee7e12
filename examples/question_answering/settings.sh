# FairytaleQA: 8,548 questions about children's stories and their answers. To be sourced by the steps in examples/steps.
#
# FOLDER holds train.tsv, valid.tsv and perhaps test.tsv, as `fairseq-cmlm format question_answering` reads them. A story of
# 1,250 words is read whole; CUT=300 reads so many words of question and story.
format=question_answering language=en bpe=joint
# Beside generated answers, those that are chosen among the spans of the text; the best-matching sentence needs no network.
choice=spans baseline=sentence
: "${MERGES:=6000}" "${DICTIONARY:=-1}" "${LONGEST:=1500}" "${RATIO:=2000}" "${SHARDS:=2}"
: "${PRECISION:=bfloat16}" "${TOKENS:=8192}" "${MAX_TOKENS:=4096}" "${SAVE_EVERY:=100}" "${AVERAGE:=3}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=1500}" "${UPDATES:=1500}"
: "${MODELS:=raw}" "${ITERATIONS:=1 4 10}"

sizes=" --max-source-positions 2048 --max-target-positions 128"
for side in encoder decoder; do
    sizes+=" --$side-layers 3 --$side-embed-dim 256 --$side-ffn-embed-dim 1024 --$side-attention-heads 4"
done
: "${TEACHER_OPTIONS:=$sizes --lr 1e-3 --warmup-updates 600 --clip-norm 1.0 --weight-decay 1e-4}"
: "${OPTIONS:=$sizes --lr 1e-3 --lr-scheduler cosine --warmup-updates 400 --clip-norm 1.0 --dropout 0.2 \
    --adam-betas (0.9,0.98)}"

# No paper is repeated.
declare -gA paper=()
