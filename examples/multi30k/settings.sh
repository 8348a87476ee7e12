# Multi30k English-German (task 1, test 2016): 29,000 captions, small enough for a machine without a GPU. To be sourced by
# the steps in examples/steps.
foreign=de
data_name="Multi30k, task 1: 29,000 image captions, English and German (github.com/multi30k/dataset)"
data_licence="its publisher states none"
: "${LONGEST:=80}"
: "${TOKENS:=4096}" "${MAX_TOKENS:=4096}" "${SAVE_EVERY:=100}"
: "${TEACHER_UPDATES:=1800}" "${UPDATES:=1000}"
warm_up=200
# BLEU of the validation set, with one length candidate, is logged with each checkpoint of a CMLM.
validation="--eval-bleu --eval-bleu-args {\"decoding_iterations\":10,\"length_beam\":1} --eval-bleu-remove-bpe subword_nmt"
. "$examples/steps/small_model.sh"
