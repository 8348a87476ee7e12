# Infilling: words, phrases and sentences missing from any text, a text a line. To be sourced by the steps in
# examples/steps.
#
# The model begins with the parameters of its autoregressive teacher, and writes from left to right as well (hybrid). In half
# of the sentences it is asked only for what the source lacks, as in decoding, where the template gives all else.
format=infilling language=en compared=left_infilling baseline=frequent objective=${OBJECTIVE:-hybrid}
noising=${NOISING-changed}
# What the user has given is not normalised: only then it stays as it is.
: "${PREPARE:=--normalise nfc}"
: "${RATIO:=1000}"
: "${TEACHER_UPDATES:=2000}" "${UPDATES:=3000}"
: "${MODELS:=warm-raw}" "${ITERATIONS:=4 10}" "${WAYS=best T=4,rescored-itself T=4,pool-itself}"
data_name="the texts that were given"
data_licence="that of the texts"
. "$examples/steps/small_model.sh"
