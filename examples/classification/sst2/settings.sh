# SST-2, the sentiment of phrases and sentences of film reviews: 60,614 texts, two labels. To be sourced by the steps in
# examples/steps.
#
# FOLDER holds train.tsv, dev.tsv and perhaps test.tsv, as ../lay_out.py reads them. The text comes tokenised.
# Words that the reviews have: each is one subword, so that the number of masks does not tell the label.
targets=(0=bad 1=good)
data_name="SST-2: phrases and sentences of film reviews (nlp.stanford.edu/sentiment)"
data_licence="its publisher states none"
: "${PREPARE:=--tokenizer none}"
. "$examples/classification/common.sh"
