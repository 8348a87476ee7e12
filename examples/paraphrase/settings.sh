# Paraphrases of scientific sentences (ParaSCI-ACL): 28,883 pairs. To be sourced by the steps in examples/steps.
format=paraphrase language=en
: "${TEACHER_UPDATES:=4000}" "${UPDATES:=4000}"
: "${MODELS:=warm-raw}" "${ITERATIONS:=1 4 10}" "${DRAWS=1 2 3}"
. "$examples/steps/small_model.sh"
