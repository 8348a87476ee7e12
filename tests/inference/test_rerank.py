"""Candidates of somebody else, judged as if they had been decoded."""

from __future__ import annotations

import math

import pytest
import torch
from test_decode import LONGEST, SOURCE, SYMBOLS, network
from test_readers import Judge, run, text

from fairseq_cmlm.inference.readers import Judges
from fairseq_cmlm.inference.rerank import rerank
from fairseq_cmlm.inference.start import Inputs


@pytest.mark.parametrize("name", ["pseudo_likelihood", "likelihood_bound", "consensus", "autoregressive"])
def test_the_scores_are_those_of_a_decoding(name: str) -> None:
    options = {"rescore_with": "x"} if name == "autoregressive" else {"choose_by": name}
    found = run(Inputs(SOURCE[:2]), length_prior=2.0, **options)
    real = torch.arange(found.tokens.size(2)) < found.lengths[:, :, None]
    candidates = found.tokens.masked_fill(~real, SYMBOLS.pad)
    judges = Judges(Judge(), None, text)
    scores = rerank(network(), SOURCE[:2], candidates, {name: 1.0}, SYMBOLS, judges, length_prior=2.0).scores
    assert scores.allclose(found.scores, atol=1e-5)


def test_what_is_missing_or_too_long_is_no_candidate() -> None:
    candidates = torch.full((1, 3, LONGEST + 1), SYMBOLS.pad)
    candidates[0, 0, :3] = torch.tensor([5, 6, 2])
    candidates[0, 2] = 5
    choice = rerank(network(), SOURCE[:1], candidates, {"pseudo_likelihood": 1.0}, SYMBOLS)
    assert choice.scores[0, 0].isfinite() and choice.scores[0, 1:].tolist() == [-math.inf, -math.inf]


def test_nothing_is_compared_where_no_candidate_is_left() -> None:
    candidates = torch.full((2, 3, LONGEST + 1), 5)
    choice = rerank(network(), SOURCE[:2], candidates, {"pseudo_likelihood": 1.0, "consensus": 2.0}, SYMBOLS)
    assert choice.scores.tolist() == [[-math.inf] * 3] * 2
    assert choice.parts.keys() == {"confidence", "pseudo_likelihood", "consensus"}
