"""Shared by all models of documents: the mark between paragraphs, and how much is read at once."""

from __future__ import annotations

import logging
from typing import Any, Optional, Sequence

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.inference.windows import OpenDocument, longer
from fairseq_cmlm.text.paragraphs import PARAGRAPH

logger = logging.getLogger(__name__)


def check_documents(documents: Sequence[Sequence[str]]) -> None:
    """Raise a TextError unless these are lists of paragraphs without marks."""
    if isinstance(documents, str) or any(isinstance(document, str) for document in documents):
        raise TextError("documents must be lists of paragraphs")
    for number, document in enumerate(documents):
        for place, paragraph in enumerate(document, 1):
            if not isinstance(paragraph, str) or PARAGRAPH in paragraph:
                raise TextError(f"paragraph {place} of documents[{number}] is no string without {PARAGRAPH}")


def mark_of(target: Any) -> int:
    """Return the id of the mark in the target dictionary."""
    mark: int = target.index(PARAGRAPH)
    if mark == target.unk():
        raise TextError(f"the model does not know {PARAGRAPH}, which stands between paragraphs: train one on documents")
    return mark


def most_tokens(longest: Optional[int], limits: tuple[int, int], trained: Optional[tuple[int, int]]) -> tuple[int, int]:
    """Return how many tokens of source and target a window may have.

    longest  what is asked for
    limits   what the model can read and write
    trained  what it has learned to, where that is known; where it is not, a warning says that `limits` are taken
    """
    if longest is None:
        if trained is None:
            logger.warning(
                f"up to {min(limits)} tokens are read at once, all that the model can: its checkpoint does not tell "
                "how long the texts of its training were, and beyond that it is likely to write nonsense. Give "
                "`longest` (--longest N), the tokens of those texts"
            )
        source, target = trained or limits
        return min(limits[0], source), min(limits[1], target)
    if not 2 <= longest <= min(limits):
        raise OptionError(
            f"windows of {longest} tokens are not possible: the model reads and writes 2 to {min(limits)}"
        )
    if trained is not None and longest > min(trained):
        logger.warning(
            f"windows of {longest} tokens are longer than the texts of the training (source and target of {trained[0]} "
            f"and {trained[1]}), and what stands beyond is likely to be wrong: leave `longest` (--longest) out"
        )
    return longest, longest


def check_sizes(
    pending: Sequence[OpenDocument], most: tuple[int, int], limit: int, trained: Optional[tuple[int, int]] = None
) -> None:
    """Raise a TextError for a paragraph that the model cannot read, and warn of those that no window holds.

    most     tokens of a window, source and target
    limit    source tokens that the model can read
    trained  source and target tokens that it has learned to, where that is known
    """
    for place, size in longer(pending, limit, "size"):
        raise TextError(f"{place} has {size} tokens (</s> counts), and the model reads at most {limit}: split it")
    sources = longer(pending, most[0], "size")
    read = {place for place, _ in sources}
    targets = [one for one in longer(pending, most[1], "most") if one[0] not in read]
    beyond = [trained is None or window >= learned for window, learned in zip(most, trained or most)]
    _warn_of(sources, most[0], "have more tokens", "read", beyond[0])
    _warn_of(targets, most[1], "may get a translation of more tokens", "written", beyond[1])


def _warn_of(found: Sequence[tuple[str, int]], most: int, what: str, done: str, beyond: bool) -> None:
    """Warn of the paragraphs found, (place, tokens); `beyond`: nothing of their length was learned."""
    if found:
        place, size = found[0]
        wrong = ", and what stands beyond the window is likely to be wrong. Split it" if beyond else ""
        logger.warning(
            f"{len(found)} paragraph(s) {what} than a window of {most}, the first is {place} with {size}: each is "
            f"{done} alone{wrong}"
        )
