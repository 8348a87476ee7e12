# Infilling: words, phrases and sentences missing from any text, a text a line. To be sourced by the steps in
# examples/steps.
format=infilling language=en compared=left_infilling baseline=frequent
# What the user has given is not normalised: only then it stays as it is.
: "${PREPARE:=--normalise nfc}"
: "${RATIO:=1000}"
: "${TEACHER_UPDATES:=3000}" "${UPDATES:=3000}"
: "${MODELS:=raw}" "${ITERATIONS:=1 4 10}"
data_name="the texts that were given"
data_licence="that of the texts"
. "$examples/steps/small_model.sh"
