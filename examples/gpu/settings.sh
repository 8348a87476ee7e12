# English-German text from a folder that is given, for one GPU and little time: how stage.py trains. To be sourced by the
# steps in examples/steps.
#
# SIZE is base (D = 512, 6 layers), small (256, 3) or tiny (32, 1, for tests) of teacher and CMLM alike; OBJECTIVE is that
# of the CMLM (--objective); MORE holds options of fairseq-train for all models.
foreign=de
data_name="English-German text that was given"
data_licence="that of the text"
bpe=joint
# What plan.py worked out; what is set in the environment goes before it.
[ ! -e "${work:-}/plan.sh" ] || . "$work/plan.sh"
: "${MERGES:=10000}" "${DICTIONARY:=-1}" "${LONGEST:=100}" "${RATIO:=3}" "${SHARDS:=8}" "${BATCH:=16384}" "${PER_GPU:=3}"
: "${SIZE:=base}" "${TOKENS:=32768}" "${MAX_TOKENS:=16384}" "${SAVE_EVERY:=500}" "${AVERAGE:=5}" "${WARMUP:=500}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=4000}" "${UPDATES:=4000}" "${OBJECTIVE:=}" "${MORE:=}"
case $SIZE in
    base) layers=6 features=512 heads=8 ;;
    small) layers=3 features=256 heads=4 ;;
    tiny) layers=1 features=32 heads=2 ;;
    *) fail "SIZE '$SIZE' is none of base, small and tiny" ;;
esac
sizes="--num-workers 4" # one process makes some 30 batches of 16,384 tokens a second
for side in encoder decoder; do
    sizes+=" --$side-layers $layers --$side-embed-dim $features --$side-ffn-embed-dim $((4 * features))"
    sizes+=" --$side-attention-heads $heads"
done
schedule="--lr 7e-4 --lr-scheduler cosine --clip-norm 1.0"
: "${TEACHER_OPTIONS:=$sizes $schedule --weight-decay 1e-4 $MORE}"
: "${OPTIONS:=$sizes $schedule --dropout 0.2 --adam-betas (0.9,0.98) ${OBJECTIVE:+--objective $OBJECTIVE} $MORE}"

# The paper has no figures for it.
declare -gA paper=()
