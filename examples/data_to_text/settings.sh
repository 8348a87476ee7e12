# WebNLG, triples to English text: 18,102 texts of 6,893 sets of triples. To be sourced by the steps in examples/steps.
format=data_to_text language=en baseline=template
: "${TEACHER_UPDATES:=4000}" "${UPDATES:=4000}"
: "${MODELS:=warm-distilled}" "${ITERATIONS:=1 4 10}"
data_name="WebNLG 2017, 18,102 texts of 6,893 sets of triples (gitlab.com/shimorina/webnlg-dataset)"
data_licence="CC BY-NC-SA 4.0"
. "$examples/steps/small_model.sh"
