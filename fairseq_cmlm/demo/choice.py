"""The form of an application that chooses: the label of a text, or the part of a text that answers a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from fairseq_cmlm.demo.request import read_json
from fairseq_cmlm.errors import TextError


@dataclass(frozen=True)
class Choice:
    """A form that the page offers beside the translation.

    kind    `labels`, or `answer`, which has a question too
    choose  (text, question) -> JSON values for the page: `labels`, pairs of a label and its probability, best first, or
            `answer` and the `text` that it stands in; and `cut`, the number of tokens that were not read
    """

    kind: str
    choose: Callable[[str, str], dict[str, Any]]


def read_subject(body: bytes) -> tuple[str, str]:
    """Read a request of the form: the text, and the question or ""; raise a TextError if it is not valid."""
    found = read_json(body)
    text, question = (found.get("text"), found.get("question", "")) if isinstance(found, dict) else (None, None)
    if not isinstance(text, str) or not isinstance(question, str) or not text.strip():
        raise TextError("the request must have a text, and perhaps a question")
    return text, question
