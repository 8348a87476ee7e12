#!/usr/bin/env bash
# Train a model; a second call goes on from the last checkpoint.
#
#   train.sh RECIPE DIRECTION WORK MODEL
#
# MODEL is teacher (fairseq's autoregressive Transformer), raw (a CMLM on the human translations), distilled (a CMLM on
# the teacher's), mixed (on both), interpolated (on those of the teacher's that are most like the human ones), warm-raw and
# so on (the same, begun with the teacher's parameters), raw-from-NAME and so on (begun with those of WORK/DIRECTION/NAME),
# teacher-mixed and so on (the teacher, trained on as a CMLM is: the rival of warm-mixed and so on), or fairseq
# (fairseq's own CMLM on the teacher's). WORK/DIRECTION/MODEL receives checkpoints and train.log.
#
# Hardware: GPUS (default: those that CUDA_VISIBLE_DEVICES lists, or all of this machine; 0 trains on the CPU), several by
# torchrun. In a SLURM job of several machines, one task a GPU, srun starts them:
#   sbatch --nodes 2 --ntasks-per-node 8 --gpus-per-node 8 --wrap "bash examples/steps/train.sh RECIPE DIRECTION WORK MODEL"
# A batch has TOKENS tokens: MAX_TOKENS a GPU and step, and --update-freq as it comes out.
#
# PRECISION  float32, or bfloat16 (default on GPUs)
# SELECT     loss (as in the paper), or bleu: what the best checkpoints are best in, on the validation set
# UPDATES, TEACHER_UPDATES, WARMUP, SAVE_EVERY (updates between validated checkpoints), AVERAGE (how many are kept),
# STOP_HOURS (of training, all calls together: then it is saved, status 75, and a call with more hours goes on), PATIENCE
# (validations in a row without a better one, after which a training ends before its updates; interrupted, it counts anew),
# NAME (of the folder, instead of MODEL), TEACHER and ARCH (fairseq's --arch), TEACHER_OPTIONS and OPTIONS (more of
# fairseq-train, for the teacher and for all others) may be set.
#
# A folder holds one training: UPDATES may grow, and nothing that makes another model of it may change (its file `training`
# says what was given).
usage="usage: train.sh RECIPE DIRECTION WORK teacher|[warm-|teacher-]TEXT|TEXT-from-NAME|fairseq, TEXT: raw, distilled, mixed or"
usage+=" interpolated"
recipe=${1:?$usage} direction=${2:?$usage} work=${3:?$usage} model=${4:?$usage}
. "$(dirname "$0")/recipe.sh"
settings "$recipe" "$direction"
if [ "${SLURM_NNODES:-1}" -gt 1 ]; then
    number=$SLURM_NTASKS
else
    find_gpus
    number=${#gpus[@]}
fi
precision=${PRECISION:-$([ "$number" = 0 ] && echo float32 || echo bfloat16)}
tokens=${TOKENS:-131072} max_tokens=${MAX_TOKENS:-8192} average=${AVERAGE:-5} save_every=${SAVE_EVERY:-1000}
folder=$work/$direction/${NAME:-$model}

unknown="the model '$model' is none of teacher, raw, distilled, mixed, interpolated, warm-raw and so on, raw-from-NAME and so on,"
unknown+=" teacher-raw and so on, and fairseq"
begin= more=() autoregressive=(--task translation --criterion autoregressive_loss)
eval_bleu=(--eval-bleu --eval-bleu-args '{"beam": 5}' --eval-bleu-remove-bpe subword_nmt)
case $model in
    teacher)
        data=$work/data updates=${TEACHER_UPDATES:-100000} arch=$TEACHER warmup=${WARMUP:-4000}
        words given "${TEACHER_OPTIONS:-}"
        options=("${autoregressive[@]}" --adam-betas '(0.9, 0.98)' --clip-norm 0.0)
        ;;
    raw* | distilled* | mixed* | interpolated* | warm-* | teacher-*)
        text=$(text_of "$model")
        case $text in raw | distilled | mixed | interpolated) ;; *) fail "$unknown" ;; esac
        data=$([ "$text" = raw ] && echo "$work/data" || echo "$work/$direction/$text-data")
        first=${model#*-from-}
        case $model in
            warm-*-from-* | teacher-*-from-*) fail "the model '$model' begins with the teacher: leave out -from-$first, or ${model%%-*}-" ;;
            warm-* | teacher-*) first=teacher ;;
        esac
        [ "$first" = "$model" ] || begin=$work/$direction/$first/averaged.pt
        [ -z "$begin" ] || [ -e "$begin" ] ||
            fail "$begin is missing: run average.sh $recipe $direction $work $first first"
        case $model in
            teacher-*) arch=$TEACHER options=("${autoregressive[@]}" --finetune-from-model "$begin") ;;
            *) arch=${ARCH:-cmlm_base} options=(--task translation_cmlm --criterion cmlm_loss)
                [ -z "$begin" ] || options+=(--init-from "$begin")
                eval_bleu=(--eval-bleu --eval-bleu-args '{"decoding_iterations": 10}' --eval-bleu-remove-bpe subword_nmt)
                words more "${validation:-}" ;;
        esac
        ;;
    fairseq) # as in fairseq's examples/nonautoregressive_translation
        data=$work/$direction/distilled-data arch=cmlm_transformer
        options=(--task translation_lev --criterion fairseq_nat_loss --noise random_mask
            --apply-bert-init --encoder-learned-pos --decoder-learned-pos --pred-length-offset --length-loss-factor 0.1)
        [ "${SELECT:-loss}" = loss ] || fail "fairseq's CMLM measures no BLEU while it trains: SELECT must be loss"
        ;;
    *) fail "$unknown" ;;
esac
if [ "$model" != teacher ]; then
    updates=${UPDATES:-300000} warmup=${WARMUP:-10000}
    words given "${OPTIONS:-}"
    options+=(--adam-betas '(0.9, 0.999)' --adam-eps 1e-6 --weight-decay 0.01)
fi
more+=("${given[@]}")
[ -d "$data" ] || fail "$data is missing: run $([ "$data" = "$work/data" ] && echo prepare.sh || echo distill.sh) first"
mkdir -p "$folder"
lock "$folder/train.log"
wanted="$model, ARCH=$arch PRECISION=$precision TOKENS=$tokens WARMUP=$warmup SEED=${SEED:-1} SELECT=${SELECT:-loss},"
read -r wanted <<< "$wanted options: ${more[*]}"
if [ -e "$folder/training" ] && { [ -e "$folder/checkpoint_last.pt" ] || compgen -G "$folder/*.done" > /dev/null; }; then
    { read -r most_updates && read -r found; } < "$folder/training"
    way_out="remove it, or train in another folder with NAME"
    [ "$found" = "$wanted" ] || fail "$folder is trained with '$found', and '$wanted' is wanted: $way_out"
    [ "$most_updates" -le "$updates" ] || fail "$folder is trained for $most_updates updates, and $updates are wanted: $way_out"
fi
# A model that it begins with is an input as the text is, whether the model's name or OPTIONS tell it.
inputs=("$data" ${begin:+"$begin"})
for ((i = 0; i < ${#given[@]} - 1; i++)); do
    [ "${given[i]}" != --init-from ] || inputs+=("${given[i + 1]}")
done
input=$(newest "${inputs[@]}")
! stands "$folder/$updates.done" "$input" || exit 0
[ ! -e "$folder/checkpoint_last.pt" ] || stands "$folder/checkpoint_last.pt" "$input" ||
    fail "$input is newer than the training in $folder: remove that folder to train on it"

case ${SELECT:-loss} in
    loss) ;;
    bleu) options+=("${eval_bleu[@]}" --best-checkpoint-metric bleu --maximize-best-checkpoint-metric) ;;
    *) fail "SELECT '$SELECT' is neither loss nor bleu" ;;
esac
[ -z "${STOP_HOURS:-}" ] || options+=(--stop-time-hours "$STOP_HOURS")
[ -z "${PATIENCE:-}" ] || options+=(--patience "$PATIENCE")
[ "$bpe" = joint ] && options+=(--share-all-embeddings) || options+=(--share-decoder-input-output-embed)

accumulated=$((number > 0 ? max_tokens * number : max_tokens))
update_freq=$(((tokens + accumulated / 2) / accumulated))
[ "$update_freq" -gt 0 ] || update_freq=1
launch=(fairseq-train)
if [ "$number" = 0 ]; then
    options+=(--cpu)
    export CUDA_VISIBLE_DEVICES= # else fairseq clips the CPU's gradients on a GPU that it sees
elif [ "${SLURM_NNODES:-1}" -gt 1 ]; then
    launch=(srun --kill-on-bad-exit=1 fairseq-train) # else the other ranks wait for one that has ended
    options+=(--distributed-world-size "$number" --distributed-port $((20000 + SLURM_JOB_ID % 20000)) --ddp-backend legacy_ddp)
elif [ "$number" -gt 1 ]; then
    launch=(torchrun --standalone --nproc-per-node "$number" "$(command -v fairseq-train)")
    options+=(--distributed-world-size "$number" --ddp-backend legacy_ddp)
else
    options+=(--distributed-world-size 1)
fi

printf '%s\n' "$updates" "$wanted" > "$folder/training"
note begin "$folder"
current_log=$folder/train.log log_begin=$(wc -c < "$folder/train.log")
echo "$updates updates of $((accumulated * update_freq)) tokens: $max_tokens x $((number > 0 ? number : 1)) x $update_freq;" \
    "$current_log"
# Checkpoints are validated and saved every so many updates, not epochs: an epoch is 100 updates in one recipe and 4,000
# in another. The best are kept for the average, and the last, for fairseq keeps no worse one beside fewer than asked for.
"${launch[@]}" "$data" -s "$source" -t "$target" --user-dir "$(plugin)" --arch "$arch" "${options[@]}" \
    --training-dtype "$precision" --optimizer adam --label-smoothing 0.1 --dropout 0.3 \
    --lr 5e-4 --lr-scheduler inverse_sqrt --warmup-init-lr 1e-7 --warmup-updates "$warmup" \
    --max-tokens "$max_tokens" --update-freq "$update_freq" --max-update "$updates" --seed "${SEED:-1}" \
    --save-interval-updates "$save_every" --validate-interval-updates "$save_every" \
    --save-interval 1000000 --validate-interval 1000000 --no-epoch-checkpoints \
    --keep-best-checkpoints "$average" --keep-interval-updates "$average" --save-dir "$folder" \
    --log-format simple --log-interval $((updates < 100 ? updates : 100)) "${more[@]}" >> "$current_log" 2>&1
ended="Stopping training due to num_updates: $updates >=|early stop since valid performance"
# Of this call: an earlier one, for fewer updates, may have ended.
if [ -n "${STOP_HOURS:-}" ] && ! tail -c "+$((log_begin + 1))" "$current_log" | grep -E "$ended" > /dev/null; then
    note stop "$folder"
    exit 75
fi
touch "$folder/$updates.done"
note end "$folder"
