#!/usr/bin/env bash
# FairytaleQA is not fetched: its publisher has a file of stories and a file of questions for each book.
echo "download.sh: give the FOLDER of train.tsv and valid.tsv, one row a question (story, id, attribute, kind, context, question," \
    "answer, and all answers between |||), made of github.com/uci-soe/FairytaleQAData" >&2
exit 1
