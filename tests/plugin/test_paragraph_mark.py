"""Paragraphs that are too long for a window, or for the model."""

from __future__ import annotations

import pytest

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.inference.windows import OpenDocument, Paragraph
from fairseq_cmlm.plugin.paragraph_mark import check_sizes


def test_a_paragraph_that_the_model_cannot_read_is_named() -> None:
    documents = [OpenDocument([Paragraph("p", size, size) for size in sizes]) for sizes in ([1], [7, 8])]
    check_sizes(documents, (9, 9), 9)
    with pytest.raises(
        TextError, match=r"paragraph 2 of documents\[1\] has 9 tokens .* the model reads at most 8: split"
    ):
        check_sizes(documents, (8, 8), 8)
