"""A warning of texts that are longer than those of a model's training."""

from __future__ import annotations

import logging
from typing import Optional

from fairseq_cmlm.text.unlearned import of_length

logger = logging.getLogger(__name__)


class LongTexts:
    """Warns once of a source, and once of a target, of more tokens than a model has learned.

    learned  tokens of source and target; None where nobody tells: then there is no warning
    """

    def __init__(self, learned: Optional[tuple[int, int]]) -> None:
        self._open = dict(zip(("source", "target"), learned or ()))

    def warn(self, source: int, target: int) -> None:
        """Warn if the longest source or the longest target of a batch, in tokens, is too long."""
        for side, size in (("source", source), ("target", target)):
            if size > self._open.get(side, size):
                logger.warning(of_length(side, size, self._open.pop(side)))
