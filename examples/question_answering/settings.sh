# FairytaleQA: 8,548 questions about children's stories and their answers. To be sourced by the steps in examples/steps.
#
# FOLDER holds train.tsv, valid.tsv and perhaps test.tsv, as `fairseq-cmlm format question_answering` reads them and
# fairytales.py makes them of the publisher's files. A story of 1,250 words is read whole; CUT=300 reads so many words of
# question and story.
format=question_answering language=en
data_name="FairytaleQA, 8,548 questions about children's stories (github.com/uci-soe/FairytaleQAData)"
data_licence="Apache-2.0"
# Beside generated answers, those that are chosen among the spans of the text; the best-matching sentence needs no network.
choice=spans baseline=sentence
# What a model `denoised` learns first: the sentences of stories and questions.
unlabelled=5,6 pieces=sentences.py
: "${MERGES:=6000}" "${LONGEST:=1500}" "${RATIO:=2000}"
: "${TOKENS:=8192}" "${MAX_TOKENS:=4096}" "${SAVE_EVERY:=100}"
: "${TEACHER_UPDATES:=600}" "${UPDATES:=600}" "${DENOISE_UPDATES:=2000}" "${DENOISE_TOKENS:=2048}"
: "${MODELS:=denoised}" "${ITERATIONS:=4 10}"
positions=" --max-source-positions 2048 --max-target-positions 128"
. "$examples/steps/small_model.sh"
