# WMT14 English-German as in the paper: the training text of the wmt16_en_de set (4.5 million pairs), newstest2013 for
# validation, newstest2014 for test. To be sourced by the steps in examples/steps.
foreign=de
bpe=joint
data_name="WMT14 English-German: Europarl 7, Common Crawl, News Commentary 11"
data_licence="each corpus has terms of its own: www.statmt.org/wmt14/translation-task.html"
: "${MERGES:=32000}" "${DICTIONARY:=32768}" "${LONGEST:=80}" "${RATIO:=9}" "${SHARDS:=16}"
: "${TEACHER:=transformer_wmt_en_de_big}"

# NAME CHECKSUM ADDRESS. The publisher gives no checksums: SHA-256 as TensorFlow Datasets, SHA-1 as gluon-nlp recorded them.
archives=(
    "europarl-v7.de-en.tgz 53bb5408d22977c89284bd755717e6bbb5b12bc5 http://www.statmt.org/europarl/v7/de-en.tgz"
    "training-parallel-commoncrawl.tgz c7a74e2ea01ac6c920123108627e35278d4ccb5701e15428ffa34de86fa3a9e5 http://www.statmt.org/wmt13/training-parallel-commoncrawl.tgz"
    "training-parallel-nc-v11.tgz cfe8ab047e05043476e498ee765c98e939c7b7d6d294e856344c84476b619d6a http://data.statmt.org/wmt16/translation-task/training-parallel-nc-v11.tgz"
)
manual=()
# ARCHIVE LINES MEMBER_EN MEMBER_FOREIGN; LINES - is an unknown number.
corpora=(
    "europarl-v7.de-en.tgz 1920209 europarl-v7.de-en.en europarl-v7.de-en.de"
    "training-parallel-commoncrawl.tgz 2399123 commoncrawl.de-en.en commoncrawl.de-en.de"
    "training-parallel-nc-v11.tgz - training-parallel-nc-v11/news-commentary-v11.de-en.en training-parallel-nc-v11/news-commentary-v11.de-en.de"
)
# As sacreBLEU names them, and their lines.
valid_set="wmt13 3000" test_set="wmt14/full 3003"

# The paper's tables 1 and 2, base model, 5 length candidates.
declare -gA paper=(
    ["en-de teacher,beam=5"]=28.60 ["en-de distilled,T=4"]=25.94 ["en-de distilled,T=10"]=27.03
    ["en-de distilled,T=1"]=18.05 ["en-de raw,T=1"]=10.64 ["en-de raw,T=4"]=22.25 ["en-de raw,T=10"]=24.61
    ["de-en teacher,beam=5"]=31.71 ["de-en distilled,T=1"]=21.83 ["de-en distilled,T=4"]=29.90 ["de-en distilled,T=10"]=30.53
)
