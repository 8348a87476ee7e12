"""The choosers, each on four candidates whose scores can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import best_first
from fairseq_cmlm.decoding.canvas import Canvas, fully_masked
from fairseq_cmlm.decoding.choice import CHOOSERS, Finished, mixture
from fairseq_cmlm.errors import OptionError

# Two sentences of two candidates each; the words of a row are its tokens as letters.
LENGTHS = torch.tensor([3, 2, 2, 3])
TOKENS = torch.tensor([[5, 6, 2], [5, 2, 1], [7, 2, 1], [7, 8, 2]])
STALE = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, -1.0, 0.0], [-4.0, -2.0, 0.0], [-1.0, -0.5, -0.0]])
BONUS = torch.tensor([-0.5, 0.0, -1.0, 0.0])
# What a token costs, by its id, for whoever reads it.
COSTS = torch.tensor([0.0, 99.0, 0.25, 0, 0, 1.0, 2.0, 3.0, 4.0])


def finished(width: int = 3) -> Finished:
    canvas = fully_masked(LENGTHS, pad=1).remasked(torch.zeros(4, 3, dtype=torch.bool))
    canvas = replace(canvas, tokens=TOKENS, log_probs=STALE)
    if width > 3:
        canvas = Canvas(*(padded(getattr(canvas, name), name == "tokens", width) for name in Canvas.__annotations__))
    costs = -COSTS[canvas.tokens]

    def hidden(hide: Tensor, counts: Tensor) -> Tensor:
        """The cost of a hidden token, and 0.1 for each other one that is hidden too."""
        assert counts.tolist() == hide.sum(1).tolist() and not (hide & ~canvas.fillable).any()
        return (costs - 0.1 * (hide.sum(1, keepdim=True) - 1)).masked_fill(~hide, 0.0)

    return Finished(
        canvas,
        LENGTHS,
        hidden=hidden,
        left_to_right=lambda: costs.masked_fill(~canvas.real, 0.0),
        quality=lambda: costs,
        bonus=BONUS,
        keys=lambda: torch.tensor([3, 4, 5, 6]),
        texts=lambda: [["ab", "ab"], ["cd", "ef"]],
    )


def padded(values: Tensor, tokens: bool, width: int) -> Tensor:
    return torch.nn.functional.pad(values, (0, width - values.size(1)), value=1 if tokens else 0)


# The mean cost of a row's tokens, and of the second and third hidden together with another.
EXPECTED = {
    "confidence": [-2.5, -1.0, -4.0, -0.5],
    "pseudo_likelihood": [-3.25 / 3 - 0.2 / 3 - 0.5, -0.625, -1.625 - 1, -7.25 / 3 - 0.2 / 3],
    "autoregressive": [-3.25 / 3, -0.625, -1.625, -7.25 / 3],
    "consensus": [1.0, 1.0, 0.5, 0.5],
}


@pytest.mark.parametrize("name", [name for name in CHOOSERS if name != "likelihood_bound"])
def test_scores(name: str) -> None:
    for width in (3, 5):
        assert CHOOSERS[name](finished(width)).tolist() == pytest.approx(EXPECTED[name], abs=1e-6)


def test_the_likelihood_bound_is_that_of_inference() -> None:
    """The mean log-probability of k hidden tokens, k stratified over 1..n."""
    one = finished()
    hidden: list[list[int]] = []

    def counted(hide: Tensor, counts: Tensor) -> Tensor:
        hidden.append(counts.tolist())
        return torch.full(hide.shape, -2.0).masked_fill(~hide, 0.0)

    scores = CHOOSERS["likelihood_bound"](replace(one, hidden=counted))
    assert scores.tolist() == pytest.approx((BONUS - 2).tolist())
    by_row = list(zip(*hidden))
    # Of two tokens one is hidden in two of four maskings; of three each number is drawn.
    assert sorted(by_row[1]) == sorted(by_row[2]) == [1, 1, 2, 2]
    assert {1, 2, 3} >= set(by_row[0]) >= {1, 3}
    padded_scores = CHOOSERS["likelihood_bound"](finished(5))
    assert padded_scores.tolist() == pytest.approx(CHOOSERS["likelihood_bound"](one).tolist())


@pytest.mark.parametrize("name", CHOOSERS)
def test_of_identical_candidates_the_first_is_chosen(name: str) -> None:
    one = finished()
    first = torch.tensor([1, 1, 1, 1])
    canvas = one.canvas.rows(first)
    costs = -COSTS[canvas.tokens].masked_fill(~canvas.real, 0.0)
    same = replace(
        one,
        canvas=canvas,
        lengths=LENGTHS[first],
        hidden=lambda hide, counts: costs.masked_fill(~hide, 0.0),
        left_to_right=lambda: costs,
        bonus=BONUS[first],
        keys=lambda: one.keys()[first],
        texts=lambda: [["ab"] * 4],
    )
    scores = CHOOSERS[name](same)
    assert len(set(scores.tolist())) == 1 and best_first(scores[None])[0, 0] == 0


def test_words_that_are_given_are_certain_but_for_an_autoregressive_model() -> None:
    one = finished()
    given = torch.tensor([[True, False, False]]) & one.canvas.fillable
    two = replace(one, canvas=replace(one.canvas, fillable=one.canvas.fillable & ~given), lengths=LENGTHS - 1)
    assert CHOOSERS["autoregressive"](two).tolist() == pytest.approx(EXPECTED["autoregressive"])
    assert CHOOSERS["confidence"](two).tolist() == pytest.approx([-5 / 3 - 0.5, -0.5, -2 / 2 - 1, -0.5 / 3])
    bound = CHOOSERS["likelihood_bound"](replace(two, hidden=lambda hide, counts: -2.0 * hide))
    assert bound.tolist() == pytest.approx((BONUS - 2 * (LENGTHS - 1) / LENGTHS).tolist())


def test_each_masking_of_the_bound_is_drawn_anew() -> None:
    """Were they of one order, each would hold the one before it."""
    hides: list[Tensor] = []

    def hidden(hide: Tensor, counts: Tensor) -> Tensor:
        hides.append(hide[0])
        return -2.0 * hide

    long = Finished(
        canvas=fully_masked(torch.tensor([40]), pad=1),
        lengths=torch.tensor([40]),
        hidden=hidden,
        left_to_right=lambda: torch.zeros(1, 40),
        quality=lambda: torch.zeros(1, 40),
        bonus=torch.zeros(1),
        keys=lambda: torch.tensor([7]),
        texts=lambda: [[""]],
    )
    assert CHOOSERS["likelihood_bound"](long).tolist() == [-2.0]
    assert [(int(one.sum()) - 1) // 10 for one in hides] == [0, 1, 2, 3], "one in each quarter of 1..40"
    assert all((one & ~other).any() for one, other in zip(hides, hides[1:]))


def test_only_candidates_of_the_same_sentence_agree() -> None:
    together = replace(finished(), texts=lambda: [["ab", "ab", "ab", "xy"]])
    assert CHOOSERS["consensus"](together).tolist() == pytest.approx([0.75, 0.75, 0.75, 0.25])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("best", "--choose-by best: 'best' is none of confidence, pseudo_likelihood"),
        ("", "'' is none of"),
        ("consensus+consensus:2", "'consensus' is there twice"),
        ("consensus:", "the weight '' must be a number above 0, as in consensus:0.3"),
        ("consensus:0", "the weight '0' must be"),
        ("consensus:inf", "the weight 'inf' must be"),
        ("confidence+consensus:-1", "the weight '-1' must be"),
    ],
)
def test_mixtures_that_cannot_work(text: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        mixture(text)
    assert message in str(error.value)
