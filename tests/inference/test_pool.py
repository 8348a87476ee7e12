"""Hypotheses of somebody else among the candidates, with a small random network and a made-up search."""

from __future__ import annotations

import math
from typing import Any, Optional

import pytest
import torch
from test_decode import LONGEST, SOURCE, SYMBOLS, TEMPLATE, network
from test_readers import Judge, text
from torch import Tensor

from fairseq_cmlm.decoding.draft import Draft
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.decode import Candidates, decode
from fairseq_cmlm.inference.pool import Hypotheses
from fairseq_cmlm.inference.readers import Judges
from fairseq_cmlm.inference.start import Inputs

SOME = torch.tensor([[5, 6, 2], [5, 2, 1]])


class Searcher:
    """Finds SOME for every sentence, a token of probability 1 / e each, or other rows if given."""

    def __init__(self, rows: Tensor = SOME) -> None:
        self.rows = rows

    def search(self, source: Tensor) -> Hypotheses:
        tokens = self.rows.expand(len(source), *self.rows.shape)
        return Hypotheses(tokens, tokens.ne(SYMBOLS.pad) * -1.0)


def run(inputs: Inputs, searcher: Optional[Searcher], **options: Any) -> Candidates:
    decoding = Decoding.of(**{"length_beam": 3, "iterations": 4, **options})
    judge = Judge()
    return decode([network()], inputs, decoding, SYMBOLS, None, Judges(judge, judge, text, searcher))


def tokens_of(found: Candidates, sentence: int, k: int) -> list[int]:
    return found.tokens[sentence, k, : int(found.lengths[sentence, k])].tolist()


def by_number(found: Candidates, sentence: int) -> dict[int, int]:
    """Return where each candidate stands now, by its number."""
    return {int(number): k for k, number in enumerate(found.numbers[sentence])}


def test_hypotheses_join_the_candidates() -> None:
    plain, found = run(Inputs(SOURCE[:2]), None), run(Inputs(SOURCE[:2]), Searcher(), rescore_with="x")
    for sentence in range(2):
        place, alone = by_number(found, sentence), by_number(plain, sentence)
        assert sorted(place) == [0, 1, 2, 3, 4]
        for number in range(3):
            assert tokens_of(found, sentence, place[number]) == tokens_of(plain, sentence, alone[number])
        assert [tokens_of(found, sentence, place[number]) for number in (3, 4)] == [[5, 6, 2], [5, 2]]
        # Four to fill in, and three words of the longer hypothesis, whichever is chosen.
        assert found.sentence_passes[sentence] == 4 + 3
        assert [int(found.passes[sentence, place[number]]) for number in range(5)] == [4, 4, 4, 3, 2]
        # What wrote them was sure by 1 / e of each token; the length model has its part.
        confidence = found.parts["confidence"][sentence, place[3]] - found.bonus[sentence, place[3]]
        assert float(confidence) == pytest.approx(-1.0)
        score = -sum(sum(SOURCE[sentence][SOURCE[sentence] != 1].tolist()) + one for one in (5, 11, 13)) / 100 / 3
        assert float(found.scores[sentence, place[3]]) == pytest.approx(score, abs=1e-5)
    assert (found.scores[:, :-1] >= found.scores[:, 1:]).all()


def test_consensus_is_that_of_all() -> None:
    same = Searcher(torch.tensor([[5, 6, 7, 2]] * 4))
    found = run(Inputs(SOURCE[:2]), same, choose_by="consensus")
    # Four equal texts of seven agree with each other.
    assert all(tokens_of(found, sentence, 0) == [5, 6, 7, 2] for sentence in range(2))
    assert (found.scores[:, 0] >= 4 / 7).all()


@pytest.mark.parametrize("choice", ["pseudo_likelihood", "likelihood_bound", "autoregressive+consensus:4"])
def test_a_batch_equals_its_sentences(choice: str) -> None:
    options = {"choose_by": choice, "rescore_with": "x" if "autoregressive" in choice else None}
    source = SOURCE[[0, 2, 1]]
    together = run(Inputs(source), Searcher(), **options)
    for i, length in enumerate((5, 1, 3)):
        alone = run(Inputs(source[i : i + 1, :length]), Searcher(), **options)
        assert alone.numbers[0].tolist() == together.numbers[i].tolist()
        assert alone.scores[0].allclose(together.scores[i], atol=1e-5)


def test_a_length_that_the_scale_does_not_reach_is_a_candidate() -> None:
    # Scaled by 0.3, lengths above 8 have no probability.
    rows = torch.tensor([[*[5] * 12, 2]])
    found = run(Inputs(SOURCE[:1]), Searcher(rows), choose_by="consensus", length_scale=0.3)
    assert found.scores[0, by_number(found, 0)[3]].isfinite()


def test_what_is_no_hypothesis_is_no_candidate() -> None:
    rows = torch.full((3, LONGEST + 1), SYMBOLS.pad)
    rows[0, :2] = torch.tensor([5, 2])
    rows[2] = 5
    found = run(Inputs(SOURCE), Searcher(rows), choose_by="pseudo_likelihood")
    place = by_number(found, 0)
    assert found.scores[0, place[3]].isfinite()
    assert [float(found.scores[0, place[number]]) for number in (4, 5)] == [-math.inf] * 2
    # The source of the last sentence is empty: whatever is found for it is left out.
    place = by_number(found, 2)
    assert [float(found.bonus[2, place[number]]) for number in (3, 4, 5)] == [-math.inf] * 3


@pytest.mark.parametrize(
    "inputs",
    [
        Inputs(SOURCE[:1], templates=[TEMPLATE]),
        Inputs(SOURCE[:1], draft=Draft([5, 2], [0.0, 0.0], [True, False], [False, False], done=1)),
    ],
    ids=["template", "draft"],
)
def test_what_the_user_has_given_would_be_lost(inputs: Inputs) -> None:
    with pytest.raises(OptionError, match="--search-with cannot be combined with given words, blanks or a canvas"):
        run(inputs, Searcher(), choose_by="consensus")
