"""FORMATS: the applications. To add one: a file with its functions, and a row."""

from __future__ import annotations

from fairseq_cmlm.formats.classification import CLASSIFICATION
from fairseq_cmlm.formats.data_to_text import DATA_TO_TEXT
from fairseq_cmlm.formats.documents import DOCUMENTS
from fairseq_cmlm.formats.format import Format
from fairseq_cmlm.formats.infilling import INFILLING, LEFT_INFILLING
from fairseq_cmlm.formats.paraphrase import PARAPHRASE
from fairseq_cmlm.formats.question_answering import QUESTION_ANSWERING

FORMATS: dict[str, Format] = {
    "data_to_text": DATA_TO_TEXT,
    "paraphrase": PARAPHRASE,
    "infilling": INFILLING,
    "left_infilling": LEFT_INFILLING,
    "classification": CLASSIFICATION,
    "question_answering": QUESTION_ANSWERING,
    "documents": DOCUMENTS,
}
