"""Pairwise BLEU: how alike several drawn outputs of the same texts are (Shen et al., ICML 2019)."""

from __future__ import annotations

from itertools import permutations
from statistics import mean
from typing import Optional, Sequence

from fairseq_cmlm.measures.bleu import Bleu


def pairwise_bleu(draws: Sequence[Sequence[str]], tokenise: Optional[str] = None, language: str = "") -> float:
    """Return the mean BLEU over all pairs of two or more outputs; lower means more varied.

    >>> pairwise_bleu([["a b c d e"], ["a b c d e"]]) > 99
    True
    """
    pairs = permutations(draws, 2)
    return mean(Bleu([other], tokenise, language=language).score(one) for one, other in pairs)
