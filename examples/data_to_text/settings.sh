# WebNLG, triples to English text: 18,102 texts of 6,893 sets of triples. To be sourced by the steps in examples/steps.
#
# The model writes from left to right as well (hybrid), so that its own hypotheses of beam search can be pooled.
format=data_to_text language=en baseline=template objective=${OBJECTIVE:-hybrid}
: "${TEACHER_UPDATES:=6000}" "${UPDATES:=3000}"
: "${MODELS:=warm-raw}" "${ITERATIONS:=4 10}" "${WAYS=T=4,pool-itself left-to-right}"
data_name="WebNLG 2017, 18,102 texts of 6,893 sets of triples (gitlab.com/shimorina/webnlg-dataset)"
data_licence="CC BY-NC-SA 4.0"
. "$examples/steps/small_model.sh"
