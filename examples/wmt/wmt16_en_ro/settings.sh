# WMT16 English-Romanian as in the paper: Europarl and SETIMES (612 thousand pairs), newsdev2016 for validation,
# newstest2016 for test. To be sourced by the steps in examples/steps.
foreign=ro
bpe=joint
data_name="WMT16 English-Romanian: Europarl 8, SETIMES"
data_licence="each corpus has terms of its own: www.statmt.org/wmt16/translation-task.html"
: "${MERGES:=40000}" "${DICTIONARY:=-1}" "${LONGEST:=80}" "${RATIO:=9}" "${SHARDS:=8}"
: "${TEACHER:=transformer}" "${TEACHER_UPDATES:=30000}"

# NAME CHECKSUM ADDRESS. The publisher gives no checksums: SHA-256 as TensorFlow Datasets recorded it; - is unknown.
archives=(
    "training-parallel-ep-v8.tgz 8917bd3bef3bc894c8519ca1f8a4c7c330aad08a1263655a9d99ee13d532e3c7 http://data.statmt.org/wmt16/translation-task/training-parallel-ep-v8.tgz"
    "SETIMES.en-ro.txt.zip - https://object.pouta.csc.fi/OPUS-SETIMES/v2/moses/en-ro.txt.zip"
)
manual=()
# ARCHIVE LINES MEMBER_EN MEMBER_FOREIGN; LINES - is an unknown number, 213,047 is OPUS's own.
corpora=(
    "training-parallel-ep-v8.tgz - training-parallel-ep-v8/europarl-v8.ro-en.en training-parallel-ep-v8/europarl-v8.ro-en.ro"
    "SETIMES.en-ro.txt.zip 213047 SETIMES.en-ro.en SETIMES.en-ro.ro"
)
# As sacreBLEU names them, and their lines.
valid_set="wmt16/dev 1999" test_set="wmt16 1999"

# The paper's tables 1 and 2, base model, 5 length candidates.
declare -gA paper=(
    ["en-ro teacher,beam=5"]=34.28 ["en-ro distilled,T=1"]=27.32 ["en-ro distilled,T=4"]=32.53 ["en-ro distilled,T=10"]=33.08
    ["en-ro raw,T=1"]=21.22 ["en-ro raw,T=4"]=31.40 ["en-ro raw,T=10"]=32.86
    ["ro-en teacher,beam=5"]=33.99 ["ro-en distilled,T=1"]=28.20 ["ro-en distilled,T=4"]=33.23 ["ro-en distilled,T=10"]=33.31
)
