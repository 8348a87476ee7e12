# Paraphrases of scientific sentences (ParaSCI-ACL): 28,883 pairs. To be sourced by the steps in examples/steps.
#
# The model writes from left to right as well (hybrid), so that its own hypotheses of beam search can be pooled.
format=paraphrase language=en baseline=copy objective=${OBJECTIVE:-hybrid}
: "${TEACHER_UPDATES:=3000}" "${UPDATES:=2000}"
: "${MODELS:=warm-raw}" "${ITERATIONS:=4 10}" "${WAYS=T=4,pool-itself left-to-right}" "${DRAWS=1 2 3}"
data_name="ParaSCI-ACL, 28,883 pairs of scientific sentences (github.com/dqxiu/ParaSCI)"
data_licence="its publisher states none"
. "$examples/steps/small_model.sh"
