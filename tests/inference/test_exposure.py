"""Exposure gap and repair rate, of networks about which both are known."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from small_network import MASK, batch, network
from torch import Tensor
from torch.nn.functional import one_hot

from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.inference.exposure import Exposure, exposure
from fairseq_cmlm.model.network import Network

SYMBOLS = Symbols(bos=0, pad=1, eos=2, mask=MASK)


def measured(made: Network, sentences: slice = slice(None)) -> Exposure:
    whole = batch(sentences)
    return exposure(made.eval(), whole.source, whole.example.target, SYMBOLS)


def test_a_network_that_does_not_look_has_no_gap() -> None:
    made = network()
    for layer in made.decoder.layers:
        layer.self_attention.output.weight.data.zero_()  # type: ignore[union-attr]
    found = measured(made)
    assert found.own == pytest.approx(found.given, rel=1e-6) and found.given > 0


def test_it_is_the_sum_of_its_sentences() -> None:
    made = network()
    whole, parts = measured(made), [measured(made, slice(i, i + 1)) for i in range(3)]
    for found, expected in zip(whole, parts[0].plus(parts[1]).plus(parts[2])):
        assert found == pytest.approx(expected, rel=1e-4)
    assert whole.wrong + whole.right == 3  # 0.15 of 7, 3 and 5 words, at least one of each


class Known:
    """Writes one word everywhere on a canvas of masks, and on others the words of `then`."""

    def __init__(self, first: int, then: Tensor) -> None:
        self.encoder = SimpleNamespace(pad=1)
        self._first, self._then = first, then

    def encode(self, source: Tensor) -> None:
        """There is nothing to encode."""

    def logits(self, encoding: None, canvas: Tensor, positions: Tensor) -> Tensor:
        masks = bool((canvas.eq(MASK) | canvas.eq(1)).all())
        words = torch.full_like(canvas, self._first) if masks else self._then
        return 20.0 * one_hot(words.flatten()[positions], 15)


class Faithful(Known):
    """Writes the target on a canvas that shows the target's words alone, and else one word everywhere."""

    def logits(self, encoding: None, canvas: Tensor, positions: Tensor) -> Tensor:
        """Return the logits of either."""
        right = (canvas.eq(self._then) | canvas.eq(MASK)).all(1, keepdim=True) & canvas.ne(MASK).any(1, keepdim=True)
        words = torch.where(right, self._then, self._first)
        return 20.0 * one_hot(words.flatten()[positions], 15)


def test_the_gap_is_between_the_words_of_the_reference_and_its_own() -> None:
    target = torch.tensor([[*range(4, 14), *range(4, 14), 2]] * 8)
    source = torch.arange(3, 11)[:, None]
    found = exposure(Faithful(3, target), source, target, SYMBOLS)  # type: ignore[arg-type]
    assert found.given == pytest.approx(0, abs=1e-3) and found.own == pytest.approx(20 * found.masked, rel=1e-3)
    assert found.wrong == 8 * 3, "0.15 of twenty words"


def test_what_is_mended_and_broken_is_counted() -> None:
    whole = batch()
    target = whole.example.target
    for first, then, expected in (
        (3, target, (3, 3, 0, 0)),
        (3, torch.full_like(target, 3), (3, 0, 0, 0)),
    ):
        found = exposure(Known(first, then), whole.source, target, SYMBOLS)  # type: ignore[arg-type]
        assert (found.wrong, found.mended, found.right, found.broken) == expected
    same = torch.where(target.ne(1) & target.ne(2), 9, target)
    found = exposure(Known(9, same * 0 + 3), whole.source, same, SYMBOLS)  # type: ignore[arg-type]
    assert (found.wrong, found.mended, found.right, found.broken) == (0, 0, 3, 3)
