# AG News, the topic of news: 10,001 texts, four labels. To be sourced by the steps in examples/steps.
#
# FOLDER holds dev.tsv alone, or with train.tsv and test.tsv, as ../lay_out.py reads them.
# Words that the news have: each is one subword, so that the number of masks does not tell the label. As their own targets
# labels have one, three and five.
targets=(World=world Sports=sports Business=business Sci/Tech=technology)
data_name="AG News: titles and descriptions of news, four topics (github.com/mhjabreel/CharCnn_Keras)"
data_licence="none; its readme provides it for research and other non-commercial activity"
: "${TEACHER_UPDATES:=600}" "${UPDATES:=600}" "${DENOISE_UPDATES:=300}"
. "$examples/classification/common.sh"
