"""Rules of a decoding, as data: allowed tokens and lengths, and the number of tokens to mask again.

OURS is the default. RELEASED is the exact mode, --original-decoding. In it, control symbols may be predicted anywhere,
so `</s>`, `<pad>` or the mask symbol may stand inside a sentence; at least one token is masked after every pass but the
last, so even a sentence of three tokens takes all T passes; and the lengths 0 and 1 are raised to 2, so a length may be
decoded twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor

from fairseq_cmlm.decoding.lengths import LengthCandidates, around_gold, equally_likely, predicted
from fairseq_cmlm.decoding.tokens import ANY_WORD, END, AllowedTokens, Symbols
from fairseq_cmlm.schedule import MaskSchedule, remasked_count


@dataclass(frozen=True)
class Rules:
    """The rules of a decoding.

    allowed            tokens that refinement may predict
    allowed_in_search  tokens that a search over single tokens may fill in
    last_set           token set of the last position of a fully masked row
    predicted          length policy: (log-probabilities (B, L), number of candidates, empty sources (B,)) -> lengths
    around_gold        length policy: (reference lengths (B,), number of candidates, longest length) -> lengths
    remasked_count     function with the arguments of :func:`fairseq_cmlm.schedule.remasked_count`
    """

    allowed: Callable[[Symbols], AllowedTokens]
    allowed_in_search: Callable[[Symbols], AllowedTokens]
    last_set: int
    predicted: Callable[[Tensor, int, Tensor], LengthCandidates]
    around_gold: Callable[[Tensor, int, int], LengthCandidates]
    remasked_count: Callable[[MaskSchedule, Tensor, int, Tensor], Tensor]


def words_and_end(symbols: Symbols) -> AllowedTokens:
    """Allow `</s>` only at the end, and no other control symbol anywhere.

    >>> words_and_end(Symbols(bos=0, pad=1, eos=2, mask=9))
    AllowedTokens(banned=(0, 1, 2, 9), end=2, sets=None)
    """
    return AllowedTokens(banned=symbols.control(), end=symbols.eos)


def any_token(symbols: Symbols) -> AllowedTokens:
    """Allow every token everywhere.

    >>> any_token(Symbols(bos=0, pad=1, eos=2, mask=9)).banned
    ()
    """
    return AllowedTokens(banned=(), end=None)


def any_token_but_mask(symbols: Symbols) -> AllowedTokens:
    """Allow every token but the mask symbol everywhere.

    >>> any_token_but_mask(Symbols(bos=0, pad=1, eos=2, mask=9)).banned
    (9,)
    """
    return AllowedTokens(banned=(symbols.mask,), end=None)


def predicted_raised(log_probs: Tensor, size: int, empty: Tensor) -> LengthCandidates:
    """Return the `size` most probable lengths (B, K) of `log_probs` (B, L), with those below 2 raised to 2 afterwards.

    >>> predicted_raised(torch.tensor([[0.0, 0.6, 0.4]]).log(), 2, torch.tensor([False])).lengths.tolist()
    [[2, 2]]
    """
    best = log_probs.topk(min(size, log_probs.size(1)), dim=1)
    return LengthCandidates(best.indices.clamp(min=2), best.values)


def around_gold_raised(gold: Tensor, size: int, longest: int) -> LengthCandidates:
    """Return the lengths gold - (K-1)//2 ... gold + K//2 as (B, K), each cut to 2 ... longest.

    >>> around_gold_raised(torch.tensor([2]), 3, longest=9).lengths.tolist()
    [[2, 2, 3]]
    """
    lengths = gold[:, None] + torch.arange(size, device=gold.device) - (size - 1) // 2
    return equally_likely(lengths.clamp(min=2, max=longest))


def remasked_count_at_least_one(schedule: MaskSchedule, lengths: Tensor, done: int, total: Tensor) -> Tensor:
    """Return max(1, N m(t / T)) rounded down, computed in float32, and 0 after the last pass.

    >>> from fairseq_cmlm.schedule import linear
    >>> [int(remasked_count_at_least_one(linear, torch.tensor([2]), t, torch.tensor([4]))) for t in (1, 2, 3, 4)]
    [1, 1, 1, 0]
    """
    share = schedule(done / total.double()).float()
    count = (lengths.float() * share).long().clamp(min=1)
    return count.masked_fill(total <= done, 0)


OURS = Rules(words_and_end, words_and_end, END, predicted, around_gold, remasked_count)
RELEASED = Rules(
    any_token, any_token_but_mask, ANY_WORD, predicted_raised, around_gold_raised, remasked_count_at_least_one
)
