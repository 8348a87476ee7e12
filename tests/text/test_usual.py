from __future__ import annotations

from typing import Any

import pytest

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.text.pipeline import Side
from fairseq_cmlm.text.usual import usual_side


@pytest.mark.parametrize(
    ("language", "options", "side"),
    [
        ("en", {}, Side("en", ("nfc", "punctuation"), "moses")),
        ("ro", {}, Side("ro", ("nfc", "romanian", "punctuation"), "moses")),
        ("ro", {"stripped": True}, Side("ro", ("nfc", "romanian", "strip_diacritics", "punctuation"), "moses")),
        ("zh", {}, Side("zh", ("nfc",), "jieba")),
        ("de", {"pieces": True}, Side("de", ("nfc",), None)),
        ("ro", {"pieces": True}, Side("ro", ("nfc", "romanian"), None)),
        ("ja", {"pieces": True}, Side("ja", ("nfc",), None)),
        ("src", {"tokenizer": "none"}, Side("src", ("nfc",), None)),
        ("en", {"normalise": ["none"]}, Side("en", (), "moses")),
        (
            "en",
            {"normalise": ["punctuation"], "tokenizer": "moses-no-escape"},
            Side("en", ("punctuation",), "moses-no-escape"),
        ),
    ],
)
def test_what_is_usual_in_a_language(language: str, options: dict[str, Any], side: Side) -> None:
    assert usual_side(language, **options) == side


@pytest.mark.parametrize(
    ("language", "options", "message"),
    [
        ("en", {"tokenizer": "mose"}, "--tokenizer mose is none of moses, .* jieba, none"),
        ("en", {"normalise": ["nfd"]}, "--normalise nfd is none of nfc, romanian"),
        ("ja", {}, "--tokenizer moses cannot split ja, .*: use --sentencepiece"),
        ("zh", {"tokenizer": "moses"}, "--tokenizer moses cannot split zh, .*: use --tokenizer jieba"),
    ],
)
def test_what_cannot_work_is_refused(language: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        usual_side(language, **options)
