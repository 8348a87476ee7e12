"""A warning of words that a model cannot read: parts of them are no symbols of its dictionary."""

from __future__ import annotations

import logging
from typing import Callable, Iterable

from torch import Tensor

from fairseq_cmlm.text.unlearned import of_unknown

logger = logging.getLogger(__name__)


def warn_of_unknown_words(
    lines: Iterable[str], encoded: Iterable[Tensor], unknown: int, encode: Callable[[str], str]
) -> bool:
    """Warn of the first of `lines` that has unknown symbols; return whether there is one.

    encoded  ids (n,) of each line, `</s>` included
    encode   function from a line to its subwords
    """
    for line, ids in zip(lines, encoded):
        places = ids.eq(unknown).nonzero().flatten().tolist()
        subwords = encode(line).split() if places else []
        if subwords:
            logger.warning(of_unknown(subwords, places))
            return True
    return False
