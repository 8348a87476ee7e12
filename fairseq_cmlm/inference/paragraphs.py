"""Paragraphs written into one canvas, over a source that is encoded once.

The marks between paragraphs are given. How long each becomes is predicted from the paragraph alone, for a whole
document would be far from the lengths that the length model has learned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import length_bonus
from fairseq_cmlm.decoding.lengths import LengthCandidates
from fairseq_cmlm.decoding.loop import refine
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.template import TargetRow, canvas_of
from fairseq_cmlm.decoding.tokens import ANY_WORD, Symbols
from fairseq_cmlm.inference.decode import EncoderDecoder, plan_of
from fairseq_cmlm.inference.predictor import Predictor
from fairseq_cmlm.inference.start import empty_sources, length_distribution


@torch.no_grad()
def paragraph_lengths(
    networks: Sequence[EncoderDecoder], source: Tensor, pad: int, decoding: Decoding
) -> LengthCandidates:
    """Return the likeliest lengths (P, K), with `</s>`, of the translations of paragraphs (P, S)."""
    log_probs = length_distribution([network.encoder(source) for network in networks], decoding)
    return decoding.rules.predicted(log_probs, decoding.length_beam, empty_sources(source, pad))


class Page:
    """The target of a window while it is written.

    candidates  lengths of a paragraph that are tried
    paragraphs  the tokens of those that stand, without marks
    passes      of the decoder so far
    """

    def __init__(self, before: Sequence[Sequence[int]], lengths: LengthCandidates, decoding: Decoding) -> None:
        """Start with the paragraphs `before`, which are given; `lengths` (P, K) are of those to write, with `</s>`."""
        self.candidates = lengths.lengths.size(1)
        self.paragraphs = [list(one) for one in before]
        self.passes = 0
        self._before = len(before)
        self._sizes = (lengths.lengths - 1).tolist()
        self._bonus = length_bonus(lengths.log_probs, lengths.lengths, decoding.length_prior).tolist()

    @property
    def written(self) -> list[list[int]]:
        """Return the paragraphs that were not given."""
        return self.paragraphs[self._before :]

    def todo(self, number: Optional[int]) -> range:
        """Return the next paragraphs to write, at most so many, by their places in `lengths`."""
        done = len(self.written)
        return range(done, len(self._sizes) if number is None else min(done + number, len(self._sizes)))

    def row(self, k: int, todo: range, mark: int, mask: int, eos: int) -> TargetRow:
        """Lay the page out, what is to be written in the `k`th of its lengths; what comes later is read as masks."""
        row = TargetRow([], [], [])
        later = [[mask] * sizes[k if i in todo else 0] for i, sizes in enumerate(self._sizes)][todo.start :]
        for number, tokens in enumerate([*self.paragraphs, *later]):
            row.tokens.extend([*([mark] if number else []), *tokens])
            fill = number - self._before in todo
            row.fillable.extend([*([False] if number else []), *[fill] * len(tokens)])
        row.tokens.append(eos)
        row.fillable.append(False)
        row.sets.extend([ANY_WORD] * len(row.tokens))
        return row

    def take(self, todo: range, tokens: Tensor, log_probs: Tensor) -> None:
        """Take of each paragraph the best candidate of the rows (K, T)."""
        begins = [sum(map(len, self.paragraphs)) + len(self.paragraphs)] * len(tokens)
        for number in todo:
            found = []
            for k, size in enumerate(self._sizes[number]):
                place = slice(begins[k], begins[k] + size)
                mean = float(log_probs[k, place].mean()) if size else 0.0
                found.append((mean + self._bonus[number][k], tokens[k, place].tolist()))
                begins[k] += size + 1
            self.paragraphs.append(max(found, key=lambda one: one[0])[1])


class Script(NamedTuple):
    """The settings by which pages are written.

    mark      the token between two paragraphs, which no paragraph may hold
    together  paragraphs that are written at once, each such block with those before it as they stand; None: all
    """

    decoding: Decoding
    symbols: Symbols
    mark: int
    together: Optional[int]


@torch.no_grad()
def write_pages(networks: Sequence[EncoderDecoder], source: Tensor, pages: Sequence[Page], script: Script) -> None:
    """Write the pages of the windows whose sources are (B, S)."""
    decoding, symbols = script.decoding, script.symbols
    allowed = decoding.rules.allowed(symbols)
    allowed = replace(allowed, banned=(*allowed.banned, script.mark))
    candidates = pages[0].candidates
    encoded, decoders = [network.encoder(source) for network in networks], [network.decoder for network in networks]
    predictor = Predictor(decoders, encoded, candidates, allowed, [network.heads for network in networks])
    while any(page.todo(script.together) for page in pages):
        todo = [page.todo(script.together) for page in pages]
        rows = [
            page.row(k, some, script.mark, symbols.mask, symbols.eos)
            for page, some in zip(pages, todo)
            for k in range(candidates)
        ]
        canvas = canvas_of(rows, [True] * len(rows), symbols.pad, source.device)
        found = refine(predictor, canvas, plan_of(decoding, canvas, predictor.words), symbols.mask)
        predictor.refuse_nan(found.log_probs.sum(1))
        tokens, log_probs, passes = (part.cpu().view(len(pages), candidates, *part.shape[1:]) for part in found)
        for page, some, *own in zip(pages, todo, tokens, log_probs):
            page.take(some, *own)
        for page, made in zip(pages, passes.amax(1).tolist()):
            page.passes += made
