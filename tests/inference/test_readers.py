"""Candidates judged and planned with a small random network and a judge that counts what it is asked."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import pytest
import torch
from test_decode import SOURCE, SYMBOLS, TEMPLATE, network
from torch import Tensor

from fairseq_cmlm.decoding.choice import CHOOSERS
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.trace import Trace
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.likelihood import likelihood_bound
from fairseq_cmlm.inference.readers import Judges
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.model.network import Network


class Judge:
    """Gives a token minus (its id + the sum of all to its left + that of the source) / 100."""

    def __init__(self) -> None:
        self.sources: list[int] = []
        self.rows: list[int] = []

    def read(self, source: Tensor, size: int) -> Any:
        self.sources.append(len(source))
        sums = source.masked_fill(source == SYMBOLS.pad, 0).sum(1).repeat_interleave(size)

        def judge(tokens: Tensor, real: Tensor, number: int, rows: Optional[Tensor]) -> Tensor:
            assert number == int(real.sum()) and not (tokens[real] == SYMBOLS.mask).any()
            self.rows.append(len(tokens))
            mine = sums if rows is None else sums[rows]
            values = tokens.masked_fill(~real, 0).cumsum(1) + mine[:, None]
            return -(values / 100.0).masked_fill(~real, 0.0)

        return judge


def text(tokens: Sequence[int]) -> str:
    return "".join(chr(ord("a") + token) for token in tokens)


CHOICES = {
    **{name: {"choose_by": name} for name in CHOOSERS if name != "autoregressive"},
    "autoregressive": {"rescore_with": "x"},
    "mixture": {"rescore_with": "x", "choose_by": "autoregressive+confidence:0.25+consensus:2"},
    "planned": {"plan_with": "x"},
    "planned alone": {"plan_by": "pseudo_likelihood"},
    "both": {"plan_with": "x", "rescore_with": "x"},
    "path": {"plan_with": "x", "strategy": "path_planning", "eta": 2.0},
    "halved": {"rescore_with": "x", "plan_with": "x", "halve_candidates": 2},
    "searched": {"rescore_with": "x", "strategy": "easy_first", "beam": 2},
}


def run(
    inputs: Inputs,
    judge: Optional[Judge] = None,
    networks: Optional[list[Network]] = None,
    trace: Optional[Trace] = None,
    **options: Any,
) -> Candidates:
    judge = judge or Judge()
    decoding = Decoding.of(**{"length_beam": 4, "iterations": 4, **options})
    return decode(networks or [network()], inputs, decoding, SYMBOLS, trace, Judges(judge, judge, text))


@pytest.mark.parametrize("name", CHOICES)
def test_a_batch_equals_its_sentences(name: str) -> None:
    # The one candidate of the empty line stands between those of the others.
    source = SOURCE[[0, 2, 1]]
    together = run(Inputs(source), **CHOICES[name])
    for i, length in enumerate((5, 1, 3)):
        alone = run(Inputs(source[i : i + 1, :length]), **CHOICES[name])
        shared = alone.tokens.size(2)
        assert alone.tokens[0].tolist() == together.tokens[i, :, :shared].tolist()
        assert alone.scores[0].allclose(together.scores[i], atol=1e-5)
        assert alone.parts.keys() == together.parts.keys()
        assert all(alone.parts[part][0].allclose(together.parts[part][i], atol=1e-5) for part in alone.parts)


@pytest.mark.parametrize("name", [name for name in CHOICES if not name.startswith(("planned", "path", "halved"))])
def test_one_candidate_is_chosen_whoever_judges_it(name: str) -> None:
    options = {**CHOICES[name], "length_beam": 1}
    plain = run(Inputs(SOURCE), **{key: options[key] for key in options if key in ("length_beam", "strategy", "beam")})
    if name == "both":
        plain = run(Inputs(SOURCE), length_beam=1, plan_with="x")
    found = run(Inputs(SOURCE), **options)
    assert found.tokens.equal(plain.tokens) and found.log_probs.equal(plain.log_probs)


def test_the_judge_reads_once() -> None:
    judge = Judge()
    found = run(Inputs(SOURCE[:2]), judge, **CHOICES["autoregressive"])
    assert (judge.sources, judge.rows) == ([2], [8])
    for sentence in range(2):
        for k in range(4):
            n = int(found.lengths[sentence, k])
            tokens = found.tokens[sentence, k, :n].tolist()
            left = [sum(tokens[: i + 1]) for i in range(n)]
            source = sum(t for t in SOURCE[sentence].tolist() if t != SYMBOLS.pad)
            score = -sum(value + source for value in left) / 100 / n
            assert float(found.scores[sentence, k]) == pytest.approx(score, abs=1e-5)
    assert (found.scores[:, :-1] >= found.scores[:, 1:]).all()
    # Who ranks them otherwise is still told.
    confidence = found.parts["confidence"]
    assert not (confidence[:, :-1] >= confidence[:, 1:]).all()


def test_planning_and_choosing_read_the_source_once() -> None:
    judge, trace = Judge(), Trace()
    run(Inputs(SOURCE[:2]), judge, trace=trace, **CHOICES["both"])
    assert judge.sources == [2]
    # After each pass but the last, and at the end.
    assert len(judge.rows) == len(trace.passes) == 4


def test_what_is_no_candidate_or_was_given_up_is_judged_by_nobody() -> None:
    judge = Judge()
    # Of an empty line there is one candidate; of the others two of four are left after two passes, and after four
    # nothing is saved any more.
    found = run(Inputs(SOURCE), judge, rescore_with="x", halve_candidates=2)
    left = found.scores.gt(-math.inf).sum(1).tolist()
    assert left == [2, 2, 1] and judge.rows == [5]
    found = run(Inputs(SOURCE), choose_by="consensus")
    assert found.scores[2].tolist() == [1.0, -math.inf, -math.inf, -math.inf]


def test_pseudo_likelihood_hides_what_it_scores() -> None:
    model = network()
    found = run(Inputs(SOURCE[:1]), networks=[model], choose_by="pseudo_likelihood", length_prior=0.0)
    for k in range(4):
        n = int(found.lengths[0, k])
        tokens, total = found.tokens[0, k : k + 1, :n], 0.0
        for group in (0, 1):
            hide = torch.arange(n)[None] % 2 == group
            positions = hide.flatten().nonzero().squeeze(1)
            logits = model.logits(model.encode(SOURCE[:1]), tokens.masked_fill(hide, SYMBOLS.mask), positions)
            total += float(logits.log_softmax(1).gather(1, tokens[hide][:, None]).sum())
        assert float(found.scores[0, k].detach()) == pytest.approx(total / n, abs=1e-5)


def test_the_bound_is_near_that_of_many_maskings() -> None:
    model = network()
    found = run(Inputs(SOURCE[:1]), networks=[model], choose_by="likelihood_bound", length_prior=0.0)
    for k in range(4):
        n = int(found.lengths[0, k])
        bound = likelihood_bound(model, SOURCE[:1], found.tokens[0, k : k + 1, :n], SYMBOLS.mask, samples=64)
        assert -n * float(found.scores[0, k]) == pytest.approx(float(bound.tokens), rel=0.5)


def test_an_ensemble_and_given_words() -> None:
    for name in ("mixture", "both", "pseudo_likelihood"):
        found = run(Inputs(SOURCE[:1], templates=[TEMPLATE]), networks=[network(), network(1)], **CHOICES[name])
        assert found.scores.isfinite().all()
        assert all(found.tokens[0, k, 0] == 7 and found.tokens[0, k, 3] == 8 for k in range(4))


def test_the_weighted_sum_decides() -> None:
    found = run(Inputs(SOURCE[:2]), **CHOICES["mixture"])
    parts = found.parts
    assert list(parts) == ["confidence", "autoregressive", "consensus"]
    expected = parts["autoregressive"] + 0.25 * parts["confidence"] + 2 * parts["consensus"]
    assert found.scores.allclose(expected, atol=1e-5)


def test_planning_changes_what_is_masked_again() -> None:
    plain, planned = Trace(), Trace()
    run(Inputs(SOURCE[:1]), trace=plain)
    run(Inputs(SOURCE[:1]), trace=planned, plan_with="x")
    first, second = plain.passes[0], planned.passes[0]
    assert first.tokens.equal(second.tokens) and not first.remasked.equal(second.remasked)
    assert first.remasked.sum(1).equal(second.remasked.sum(1))


def test_what_a_planner_says_does_not_depend_on_the_batch() -> None:
    """A row that ends is planned no more, whatever others of its batch do."""
    options = {"plan_with": "x", "iterations": 6, "iterations_per_token": 0.5, "length_beam": 2}
    together = Trace()
    run(Inputs(SOURCE[:2]), trace=together, **options)
    for sentence in range(2):
        alone = Trace()
        run(Inputs(SOURCE[sentence : sentence + 1]), trace=alone, **options)
        for k in range(2):
            rows = [trace.of_row(row, 3) for trace, row in ((together, 2 * sentence + k), (alone, k))]
            assert len(rows[0]) == len(rows[1])
            for one, other in zip(*rows):
                assert one.log_probs.allclose(other.log_probs, atol=1e-5) and one.remasked.equal(other.remasked)


def test_with_a_planner_the_network_does_not_reread() -> None:
    """Its outputs where it sees the word need not be trained: they must not come into the scores."""
    plain = run(Inputs(SOURCE[:2]), plan_with="x")
    path = run(Inputs(SOURCE[:2]), plan_with="x", strategy="path_planning", eta=1.0)
    assert path.tokens.equal(plain.tokens) and path.log_probs.allclose(plain.log_probs, atol=1e-5)


def test_who_is_not_there_is_named() -> None:
    with pytest.raises(OptionError, match="needs the model of --rescore-with or --plan-with"):
        decode([network()], Inputs(SOURCE), Decoding.of(rescore_with="x"), SYMBOLS)
    with pytest.raises(OptionError, match="--choose-by consensus compares texts"):
        decode([network()], Inputs(SOURCE), Decoding.of(choose_by="consensus"), SYMBOLS)
