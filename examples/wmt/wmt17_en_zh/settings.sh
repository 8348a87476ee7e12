# WMT17 English-Chinese as in the paper: News Commentary, the UN corpus and CWMT (25 million pairs, of which the paper has
# 20 million), newsdev2017 for validation, newstest2017 for test. To be sourced by the steps in examples/steps.
foreign=zh
bpe=separate
data_name="WMT17 English-Chinese: News Commentary 12, UN corpus 1.0, CWMT"
data_licence="each corpus has terms of its own: www.statmt.org/wmt17/translation-task.html"
: "${MERGES:=32000}" "${DICTIONARY:=-1}" "${LONGEST:=80}" "${RATIO:=3}" "${SHARDS:=64}"
: "${TEACHER:=transformer_wmt_en_de_big}"

# NAME CHECKSUM ADDRESS. The publishers give no checksums: SHA-1 as gluon-nlp recorded them.
archives=(
    "training-parallel-nc-v12.tgz d98afc59e1d753485530b377ff65f1f891d3bced http://data.statmt.org/wmt17/translation-task/training-parallel-nc-v12.tgz"
    "UNv1.0.en-zh.tar.gz.00 1bec5f10297512183e483fdd4984d207700657d1 https://stuncorpusprod.blob.core.windows.net/corpusfiles/UNv1.0.en-zh.tar.gz.00"
    "UNv1.0.en-zh.tar.gz.01 15df2968bc69ef7662cf3029282bbb62cbf107b1 https://stuncorpusprod.blob.core.windows.net/corpusfiles/UNv1.0.en-zh.tar.gz.01"
)
# NAME CHECKSUM PAGE of what its publisher hands out by agreement only; - is an unknown checksum.
cwmt=http://nlp.nju.edu.cn/cwmt-wmt
manual=(
    "casia2015.zip b432394685e4c53797e1ac86851f8a013aef27a2 $cwmt"
    "casict2011.zip 769a9a86c24e9507dbf520b950b9026120cb041e $cwmt"
    "casict2015.zip - $cwmt"
    "datum2015.zip 6d94cc8d296dd4268ed0a10fa3a419267280363e $cwmt"
    "datum2017.zip 480fa06760b2dbe7c9a9bd7c3fd5e5b22b860a45 $cwmt"
    "neu2017.zip 532b56ba62f6cffccdc85f4316468873ca739bd1 $cwmt"
)
# ARCHIVE LINES MEMBER_EN MEMBER_FOREIGN; LINES - is an unknown number.
corpora=(
    "training-parallel-nc-v12.tgz - training/news-commentary-v12.zh-en.en training/news-commentary-v12.zh-en.zh"
    "UNv1.0.en-zh.tar.gz.00+UNv1.0.en-zh.tar.gz.01 15886041 en-zh/UNv1.0.en-zh.en en-zh/UNv1.0.en-zh.zh"
    "casia2015.zip - *_en.txt *_c[hn].txt"
    "casict2011.zip - *_en.txt *_c[hn].txt"
    "casict2015.zip - *_en.txt *_c[hn].txt"
    "datum2015.zip - *_en.txt *_c[hn].txt"
    "datum2017.zip - *_en.txt *_c[hn].txt"
    "neu2017.zip - *_en.txt *_c[hn].txt"
)
# As sacreBLEU names them, and their lines.
valid_set="wmt17/dev 2002" test_set="wmt17 2001"

# The paper's table 2, base model, 5 length candidates.
declare -gA paper=(
    ["en-zh teacher,beam=5"]=35.01 ["en-zh distilled,T=1"]=24.23 ["en-zh distilled,T=4"]=32.63 ["en-zh distilled,T=10"]=33.19
    ["zh-en teacher,beam=5"]=24.65 ["zh-en distilled,T=1"]=13.64 ["zh-en distilled,T=4"]=21.90 ["zh-en distilled,T=10"]=23.21
)
