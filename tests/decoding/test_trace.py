"""The trace says what each pass read, wrote and masked again, and why."""

from __future__ import annotations

import pytest
import torch

from fairseq_cmlm.decoding.candidates import Halving
from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.loop import Query, refine
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.stopping import below_threshold
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.template import Blank, Template, fillings, start_of
from fairseq_cmlm.decoding.tokens import Alternatives, Prediction
from fairseq_cmlm.decoding.trace import Trace

PAD, EOS, MASK = 1, 2, 9


def predict(query: Query) -> Prediction:
    """Word 5 everywhere, 6 is second; the further to the right, the surer."""
    width = query.visible.size(1)
    log_probs = torch.tensor([0.2, 0.4, 0.6, 0.9]).log()[query.positions % width]
    tokens = torch.full(query.positions.shape, 5)
    best = Alternatives(torch.stack([tokens, tokens + 1], 1), torch.stack([log_probs, log_probs - 1], 1))
    return Prediction(tokens, log_probs, best if query.size > 1 else None)


def test_ranks_and_a_threshold() -> None:
    trace = Trace()
    plan = Plan(STRATEGIES["mask_predict"], torch.tensor([4]), rules=[below_threshold(0.5)])
    refine(predict, fully_masked(torch.tensor([4]), PAD), plan, MASK, trace)
    first, second, *_ = trace.of_row(0, 4)
    # The schedule wants 3 of 4 tokens again; the third is surer than the threshold.
    assert first.why == ["unsure", "unsure", "sure", "kept"]
    assert first.remasked.tolist() == [True, True, False, False] and first.asked.all()
    assert first.read.tolist() == [MASK] * 4 and first.tokens.tolist() == [5] * 4
    assert first.log_probs.exp().tolist() == pytest.approx([0.2, 0.4, 0.6, 0.9])
    assert first.ranks == [0, 1, 2, 3] and first.alternatives is None
    assert second.read.tolist() == [MASK, MASK, 5, 5] and second.asked.tolist() == [True, True, False, False]
    assert trace.of_row(0, 4)[-1].why == ["finished"] * 4
    assert first.score == pytest.approx(torch.tensor([0.2, 0.4, 0.6, 0.9]).log().mean().item())


def test_one_alternative_is_the_best_token() -> None:
    plan, trace = Plan(STRATEGIES["mask_predict"], torch.tensor([2])), Trace(alternatives=1)
    refine(predict, fully_masked(torch.tensor([4]), PAD), plan, MASK, trace)
    second = trace.of_row(0, 4)[1]
    assert second.alternatives is not None and second.alternatives.tokens[:2].tolist() == [[5], [5]]


def test_alternatives_where_a_pass_predicted() -> None:
    trace = Trace(alternatives=2)
    refine(
        predict, fully_masked(torch.tensor([4]), PAD), Plan(STRATEGIES["mask_predict"], torch.tensor([2])), MASK, trace
    )
    second = trace.of_row(0, 4)[1]
    assert second.alternatives is not None
    assert second.alternatives.tokens[:2].tolist() == [[5, 6], [5, 6]]
    assert second.alternatives.log_probs.isfinite().tolist() == [[True, True]] * 2 + [[False, False]] * 2


def test_given_words_and_candidates_that_were_given_up() -> None:
    template = Template([7, Blank(2, 2)])
    start = start_of([template], [fillings(template, torch.zeros(9), 1) * 2], PAD, EOS)
    trace = Trace()
    halving = Halving(torch.tensor([[0.0, -9.0]]), every=1, candidates=2)
    refine(predict, start.canvas, Plan(STRATEGIES["mask_predict"], torch.tensor([3, 3]), halving=halving), MASK, trace)
    assert trace.of_row(0, 4)[0].why == ["given", "unsure", "unsure", "kept"]
    assert [made.why for made in trace.of_row(1, 4)] == [["given up"] * 4]
    assert trace.of_row(0, 4)[0].score == pytest.approx(torch.tensor([1.0, 0.4, 0.6, 0.9]).log().mean().item())


def test_a_token_that_was_filled_is_taken_back() -> None:
    def doubtful(query: Query) -> Prediction:
        """The first token is sure at first; the others are surer once it is seen."""
        width = query.visible.size(1)
        seen = bool((query.visible[0, 0] != MASK).item())
        table = torch.tensor([0.5, 0.9, 0.9] if seen else [0.5, 0.4, 0.3])
        log_probs = table.log()[query.positions % width]
        return Prediction(torch.full(query.positions.shape, 5), log_probs)

    trace = Trace()
    refine(
        doubtful, fully_masked(torch.tensor([3]), PAD), Plan(STRATEGIES["mask_predict"], torch.tensor([3])), MASK, trace
    )
    first, second, _ = trace.of_row(0, 3)
    assert first.why == ["kept", "unsure", "unsure"]
    assert second.why == ["taken back", "kept", "kept"] and second.ranks == [0, 1, 2]
