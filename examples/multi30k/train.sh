#!/usr/bin/env bash
# Train one model on the binarised data of prepare.sh; a second call resumes.
#
#   train.sh SYSTEM WORK
#
# SYSTEM is ours, or fairseq for fairseq's own cmlm_transformer of the same size, updates and batch. WORK/SYSTEM receives
# checkpoints and train.log. UPDATES, SEED and OPTIONS (more options of fairseq-train) may be set.
set -euo pipefail
usage="usage: train.sh ours|fairseq WORK"
system=${1:?$usage} work=${2:?$usage}
read -r -a options <<< "${OPTIONS:-}"
sizes=()
for side in encoder decoder; do
    sizes+=(--"$side"-layers 3 --"$side"-embed-dim 256 --"$side"-ffn-embed-dim 1024 --"$side"-attention-heads 4)
done
case $system in
    ours) model=(--user-dir "$(fairseq-cmlm path)" --task translation_cmlm --arch cmlm_base --criterion cmlm_loss) ;;
    fairseq) # as in fairseq's examples/nonautoregressive_translation
        model=(--task translation_lev --arch cmlm_transformer --criterion nat_loss --noise random_mask --apply-bert-init
            --encoder-learned-pos --decoder-learned-pos --pred-length-offset --length-loss-factor 0.1) ;;
    *) echo "train.sh: the system '$system' is neither ours nor fairseq" >&2; exit 1 ;;
esac
updates=${UPDATES:-3500}
mkdir -p "$work/$system"
fairseq-train "$work/data" -s en -t de "${model[@]}" "${sizes[@]}" --share-all-embeddings \
    --label-smoothing 0.1 --dropout 0.2 --optimizer adam --adam-betas '(0.9, 0.98)' --weight-decay 0.01 --clip-norm 1.0 \
    --lr 7e-4 --lr-scheduler inverse_sqrt --warmup-updates 500 --warmup-init-lr 1e-7 \
    --max-tokens 2048 --max-update "$updates" --seed "${SEED:-1}" \
    --no-epoch-checkpoints --save-dir "$work/$system" --log-format simple --log-interval 100 "${options[@]}" 2>&1 | tee -a "$work/$system/train.log"
