"""Entities: how many of the things that a text should mention it does mention."""

from __future__ import annotations

import re
import unicodedata
from typing import Optional, Sequence

from fairseq_cmlm.measures.measure import Gold, Output, Scale
from fairseq_cmlm.measures.words import words

_ASIDE = re.compile(r"\s*\([^()]*\)$")  # Alan Shepard (astronaut)
_ZEROS = re.compile(r"(?<=\d)\.0+(?!\d)")  # 25.0
_IN_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")  # 4.25 and 1,000 are a word each


def mentions(text: str, entity: str) -> bool:
    """Return whether a text has the words of an entity in their order; case, accents and punctuation do not count.

    >>> mentions("Aarhus airport lies 25 metres high.", "Aarhus Airport"), mentions("It is 25 metres high.", "25.0")
    (True, True)
    >>> mentions("It is 4.25 metres high.", "25"), mentions("It rose 1,000 metres.", "1000")
    (False, True)
    """
    entity = _ASIDE.sub("", entity) or entity
    wanted = _plain_words(entity)
    return f" {wanted} " in f" {_plain_words(text)} " if wanted else entity in text


def _plain_words(text: str) -> str:
    text = _IN_NUMBER.sub("", _ZEROS.sub("", text))
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(word for word in words(plain) if word[0].isalnum())


def mentioned(texts: Sequence[str], entities: Sequence[Sequence[str]]) -> float:
    """Return the share of entities that are mentioned in the text of their example, in percent."""
    found = [mentions(text, entity) for text, wanted in zip(texts, entities) for entity in wanted]
    return 100 * sum(found) / len(found) if found else 0.0


def entities(gold: Gold) -> Optional[Scale]:
    """Prepare the share of entities that are mentioned."""
    if gold.details is None or not all("entities" in each for each in gold.details):
        return None
    wanted = [each["entities"] for each in gold.details]

    def score(output: Output) -> float:
        return mentioned(output.texts, wanted)

    return Scale(score)
