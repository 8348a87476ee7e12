"""Texts as ids for a model: whole or cut to its longest source, in batches of similar length."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text.unlearned import of_length

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodedTexts:
    """Encoded texts.

    rows  ids (n,) of each text, `</s>` included
    cut   number of tokens cut off the end of each text
    pad   id of the padding symbol
    """

    rows: Sequence[Tensor]
    cut: Sequence[int]
    pad: int

    def batches(self, max_tokens: int, device: torch.device) -> Iterator[tuple[list[int], Tensor]]:
        """Yield batches: the numbers of some texts, and their ids (B, S) of at most `max_tokens`, or of one text."""
        batch: list[int] = []
        for number in sorted(range(len(self.rows)), key=lambda i: len(self.rows[i])):
            if batch and len(self.rows[number]) * (len(batch) + 1) > max_tokens:
                yield batch, self._padded(batch, device)
                batch = []
            batch.append(number)
        if batch:
            yield batch, self._padded(batch, device)

    def _padded(self, numbers: Sequence[int], device: torch.device) -> Tensor:
        rows = [self.rows[i] for i in numbers]
        return pad_sequence(rows, batch_first=True, padding_value=self.pad).to(device)


def encoded_texts(
    texts: Sequence[str],
    encode: Callable[[str], str],
    dictionary: Any,
    longest: int,
    cut: bool,
    learned: Optional[int] = None,
) -> EncodedTexts:
    """Encode `texts`; cut those of more than `longest` tokens, or raise a TextError.

    encode   function from a text to its subwords
    cut      cut instead of raising
    learned  tokens of the longest sources of the training: beyond that there is a warning, once; None for no warning
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise TextError("texts must be a list of strings")
    whole = [dictionary.encode_line(encode(text), add_if_not_exist=False).long() for text in texts]
    for number, row in enumerate(whole):
        if len(row) > longest and not cut:
            raise TextError(
                f"texts[{number}] has {len(row)} tokens (</s> counts), and the model reads at most {longest}: shorten "
                "it, or have it cut with cut=True (--cut)"
            )
    rows = [torch.cat([row[: longest - 1], row[-1:]]) if len(row) > longest else row for row in whole]
    most = max(map(len, rows), default=0)
    if learned is not None and most > learned:
        logger.warning(of_length("source", most, learned))
    return EncodedTexts(rows, [len(a) - len(b) for a, b in zip(whole, rows)], dictionary.pad())
