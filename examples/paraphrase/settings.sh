# Paraphrases of scientific sentences (ParaSCI-ACL): 28,883 pairs. To be sourced by the steps in examples/steps.
format=paraphrase language=en baseline=copy
: "${TEACHER_UPDATES:=4000}" "${UPDATES:=4000}"
: "${MODELS:=warm-raw}" "${ITERATIONS:=1 4 10}" "${DRAWS=1 2 3}"
data_name="ParaSCI-ACL, 28,883 pairs of scientific sentences (github.com/dqxiu/ParaSCI)"
data_licence="its publisher states none"
. "$examples/steps/small_model.sh"
