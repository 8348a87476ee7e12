"""The search for spans against all spans scored one by one."""

from __future__ import annotations

import pytest
import torch
from test_decode import SOURCE, SYMBOLS, network

from fairseq_cmlm.inference.spans import Context, Search, best_spans, factorised_scores, log_likelihoods
from fairseq_cmlm.model.network import Network

TOKENS = torch.tensor([[5, 6, 7, 6, 8, 9, 10], [11, 12, 11, 12, 1, 1, 1]])
REAL = TOKENS.ne(1)
ANYWHERE = Context(TOKENS, REAL, REAL, REAL)


def in_passes(made: Network, row: int, tokens: list[int], passes: int, length: bool = True) -> float:
    """The log-likelihood of a target without `</s>`, canvas by canvas."""
    encoding = made.encode(SOURCE[row : row + 1])
    logits = encoding.encoded.length_logits.detach().clone()
    logits[:, 0] = float("-inf")
    total = float(logits.log_softmax(1)[0, len(tokens) + 1]) if length else 0.0
    whole = torch.tensor([*tokens, SYMBOLS.eos])
    for number in range(passes):
        asked = torch.arange(len(whole))[number::passes]
        if len(asked):
            canvas = whole.clone()
            canvas[torch.arange(len(whole)) % passes >= number] = SYMBOLS.mask
            found = made.logits(encoding, canvas[None], asked).detach().log_softmax(1)
            total += float(found.gather(1, whole[asked, None]).sum())
    return total


def penalised(made: Network, row: int, tokens: list[int], search: Search) -> float:
    return in_passes(made, row, tokens, search.passes) / (len(tokens) + 1) ** search.lenpen


@pytest.mark.parametrize("passes", [1, 2, 9])
def test_a_likelihood_in_passes_is_that_of_its_canvases(passes: int) -> None:
    made, targets = network(), torch.tensor([[[5, 6, 2, 1], [7, 2, 1, 1]], [[9, 8, 7, 2], [2, 1, 1, 1]]])
    found = log_likelihoods(made, made.encode(SOURCE[:2]), targets, passes, SYMBOLS.mask)
    for row in range(2):
        for k in range(2):
            tokens = [token for token in targets[row, k].tolist() if token not in (1, 2)]
            assert float(found[row, k]) == pytest.approx(in_passes(made, row, tokens, passes, False), abs=1e-3)


def test_the_first_scores_are_those_of_masked_canvases() -> None:
    made = network()
    found = factorised_scores(made, made.encode(SOURCE[:2]), TOKENS, 3, SYMBOLS.mask, SYMBOLS.eos)
    assert found.shape == (2, 3, 7)
    for row, size, first in [(0, 1, 0), (0, 3, 2), (0, 2, 5), (1, 3, 1)]:
        tokens = TOKENS[row, first : first + size].tolist()
        expected = in_passes(made, row, tokens, 1, length=False)
        assert float(found[row, size - 1, first]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("lenpen", [0, 0.5, 1])
@pytest.mark.parametrize("passes", [1, 2, 5])
def test_the_best_of_all_spans_are_found_each_once(passes: int, lenpen: float) -> None:
    made, search = network(), Search(4, 100, passes, lenpen)
    found = best_spans(made, SOURCE[:2], ANYWHERE, search, SYMBOLS.mask, SYMBOLS.eos)
    for row in range(2):
        tokens = TOKENS[row][REAL[row]].tolist()
        spans = {tuple(tokens[i : i + n]) for n in range(1, 5) for i in range(len(tokens) - n + 1)}
        expected = sorted((penalised(made, row, list(span), search) for span in spans), reverse=True)
        scores = found.scores[row][found.scores[row].isfinite()]
        assert scores.allclose(torch.tensor(expected), atol=1e-3)
        first, size = int(found.first[row, 0]), int(found.size[row, 0])
        assert penalised(made, row, tokens[first : first + size], search) == pytest.approx(expected[0], abs=1e-3)
        assert not found.size[row, len(spans) :].any()


def test_the_best_for_their_length_of_the_first_pass_are_compared_again() -> None:
    made, search = network(), Search(longest=4, kept=3, passes=2, lenpen=2)
    found = best_spans(made, SOURCE[:1], Context(*(part[:1] for part in ANYWHERE)), search, SYMBOLS.mask, SYMBOLS.eos)
    tokens = TOKENS[0].tolist()
    spans = {tuple(tokens[i : i + n]) for n in range(1, 5) for i in range(len(tokens) - n + 1)}
    once = search._replace(passes=1)
    kept = sorted(spans, key=lambda span: -penalised(made, 0, list(span), once))[:3]
    assert kept != sorted(spans, key=lambda span: -in_passes(made, 0, list(span), 1))[:3], "the penalty decides here"
    expected = sorted((penalised(made, 0, list(span), search) for span in kept), reverse=True)
    assert found.scores[0].tolist() == pytest.approx(expected, abs=1e-3)


def test_spans_are_whole_words() -> None:
    begins = torch.tensor([[True, False, True, False, False, False, False]])
    ends = torch.tensor([[False, True, False, False, True, False, True]])
    context = Context(TOKENS[:1], REAL[:1], begins, ends)
    found = best_spans(network(), SOURCE[:1], context, Search(5, 10, 2), SYMBOLS.mask, SYMBOLS.eos)
    spans = {(int(i), int(n)) for i, n in zip(found.first[0], found.size[0]) if n}
    assert spans == {(0, 2), (0, 5), (2, 3), (2, 5)}


def test_a_span_does_not_depend_on_its_batch() -> None:
    made, search = network(), Search(4, 8, 3)
    together = best_spans(made, SOURCE[:2], ANYWHERE, search, SYMBOLS.mask, SYMBOLS.eos)
    alone = Context(*(part[1:, :4] for part in ANYWHERE))
    found = best_spans(made, SOURCE[1:2, :3], alone, search, SYMBOLS.mask, SYMBOLS.eos)
    assert found.first.equal(together.first[1:]) and found.scores.allclose(together.scores[1:], atol=1e-3)


def test_an_empty_context_has_no_span() -> None:
    nothing = Context(TOKENS, REAL, torch.zeros_like(REAL), REAL)
    found = best_spans(network(), SOURCE[:2], nothing, Search(3, 4, 2), SYMBOLS.mask, SYMBOLS.eos)
    assert not found.size.any() and found.scores.eq(float("-inf")).all()


def test_a_batch_of_empty_contexts_has_no_span() -> None:
    nothing = torch.zeros(2, 0, dtype=torch.long)
    spans = best_spans(
        network(), SOURCE[:2], Context(nothing, *[nothing.bool()] * 3), Search(), SYMBOLS.mask, SYMBOLS.eos
    )
    assert spans.size.tolist() == [[0], [0]] and spans.scores.isneginf().all()


def test_no_span_runs_over_what_may_not_be_in_it() -> None:
    allowed = REAL[:1].clone()
    allowed[0, 3] = False
    context = Context(TOKENS[:1], allowed, REAL[:1], REAL[:1])
    found = best_spans(network(), SOURCE[:1], context, Search(7, 30, 2), SYMBOLS.mask, SYMBOLS.eos)
    spans = {(int(i), int(i + n)) for i, n in zip(found.first[0], found.size[0]) if n}
    assert len(spans) == 6 + 6 and all(end <= 3 or first > 3 for first, end in spans)
