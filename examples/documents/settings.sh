# LibreOffice's help, English-German, as documents: 2,230 pages of 150 words in the median and 7,000 at most. To be sourced by the
# steps in examples/steps.
#
# FOLDER holds {train,valid}.{en,de,doc} and perhaps test.*, as lay_out.py reads them. WINDOW is the number of tokens that a
# window has at most: training sees pieces of that length at all places of a document.
format=documents language="en de" lay_out=lay_out.py baseline=copy document_ways="windows blocks paragraphs"
lay_out_options=(--languages en de)
: "${MERGES:=6000}" "${LONGEST:=400}" "${WINDOW:=256}"
: "${TEACHER_UPDATES:=4000}" "${UPDATES:=2500}"
: "${MODELS:=warm-raw}" "${ITERATIONS:=4}" "${DECODING=--decoding-dtype bfloat16}"
positions=" --max-source-positions 512 --max-target-positions 512 --skip-invalid-size-inputs-valid-test"
data_name="help of LibreOffice, 2,230 pages, English and German (git.libreoffice.org/help)"
data_licence="MPL-2.0"
. "$examples/steps/small_model.sh"
