"""Sentences as fairseq-preprocess wrote them, without control symbols inside."""

from __future__ import annotations

import torch
from fairseq.data import BaseWrapperDataset
from torch import Tensor

from fairseq_cmlm.plugin.dictionary import MaskedDictionary


class TextOnly(BaseWrapperDataset):
    """Sentences in which a control symbol before the final `</s>` reads as an unknown word.

    fairseq-preprocess encodes a literal `</s>` or `<pad>` of a text as the control symbol itself.
    """

    def __init__(self, dataset: torch.utils.data.Dataset[Tensor], dictionary: MaskedDictionary) -> None:
        super().__init__(dataset)
        self._control = torch.tensor(dictionary.control_symbols())
        self._unknown = dictionary.unk_index

    def __getitem__(self, index: int) -> Tensor:
        tokens: Tensor = self.dataset[index]
        inside = torch.isin(tokens, self._control)
        inside[-1] = False
        return tokens.masked_fill(inside, self._unknown) if inside.any() else tokens
