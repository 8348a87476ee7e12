# AG News, the topic of news: 10,001 texts, four labels, one of them of several tokens. To be sourced by the steps in
# examples/steps.
#
# FOLDER holds dev.tsv alone, or with train.tsv and test.tsv, as ../lay_out.py reads them. A label is its own target.
targets=()
data_name="AG News: titles and descriptions of news, four topics (github.com/mhjabreel/CharCnn_Keras)"
data_licence="none; its readme provides it for research and other non-commercial activity"
. "$examples/classification/common.sh"
