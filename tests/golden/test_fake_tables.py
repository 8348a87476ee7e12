"""The decoding loop of the released code on look-up tables instead of a network: 50 cases, none of them excepted."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fairseq_cmlm.decoding.candidates import best_first, mean_log_probability
from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.loop import Query, Refined, refine
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.rules import RELEASED
from fairseq_cmlm.decoding.search import SEARCH_ORDERS, search
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.tokens import AllowedTokens, Prediction, Symbols, most_probable, most_probable_few
from fairseq_cmlm.decoding.trace import BatchPass, Trace
from fairseq_cmlm.schedule import linear

PAD, MASK = 1, 4
SYMBOLS = Symbols(bos=0, pad=PAD, eos=2, mask=MASK)
BEAMS, LENGTHS, ITERATIONS = (1, 2, 3, 5), (1, 3, 5), ("1", "2", "3", "4", "7", "10", "12", "None")
CASES = [
    *(f"mask_predict_T{total}_lb{lengths}" for total in ITERATIONS for lengths in LENGTHS),
    *(f"{order}_beam{beam}_lb{lengths}" for order in SEARCH_ORDERS for beam in BEAMS for lengths in LENGTHS),
    *(f"mask_predict_T4_lb{lengths}_gold" for lengths in (3, 4)),
]


@cache
def load(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The expected numbers and the tables."""
    tables = np.load(folder / "fake_tables.npz")
    return json.loads((folder / "fake_decode.json").read_text()), {name: torch.tensor(tables[name]) for name in tables}


class Tables:
    """logits[r, i] = ((A[token] + B[i]) + C[token before]) + E[sentence], as golden/README.md has it."""

    def __init__(self, tables: dict[str, Tensor], rows_per_sentence: int, allowed: AllowedTokens) -> None:
        self.tables = tables
        self.allowed = allowed
        self.rows_per_sentence = rows_per_sentence

    def logits(self, query: Query) -> Tensor:
        a, b, c, e = (self.tables[name] for name in "ABCE")
        seen = query.visible
        rows = torch.arange(len(seen)) if query.rows is None else query.rows
        every = ((a[seen] + b[: seen.size(1)]) + c[seen.roll(1, dims=1)]) + e[rows // self.rows_per_sentence][:, None]
        return every.flatten(0, 1)[query.positions]

    def __call__(self, query: Query) -> Prediction:
        if query.size == 1:
            return most_probable([self.logits(query)], query.sets, self.allowed)
        few = most_probable_few(self.logits(query), query.sets, self.allowed, query.size)
        return Prediction(few.tokens[:, 0], few.log_probs[:, 0], few)


def decode(case: str, tables: dict[str, Tensor], lengths: Tensor, trace: Trace) -> Refined:
    strategy, number = case.split("_lb")[0].rsplit("_", 1)
    canvas = fully_masked(lengths.flatten(), PAD, RELEASED.last_set)
    if strategy in SEARCH_ORDERS:
        beam = int(number.removeprefix("beam"))
        model = Tables(tables, lengths.size(1) * beam, RELEASED.allowed_in_search(SYMBOLS))
        return search(model, canvas, SEARCH_ORDERS[strategy], beam, MASK)
    width = canvas.tokens.size(1)
    passes = width if number == "TNone" else int(number.removeprefix("T"))
    total = torch.full((lengths.numel(),), passes)
    model = Tables(tables, lengths.size(1), RELEASED.allowed(SYMBOLS))
    plan = Plan(STRATEGIES[strategy], total, partial(RELEASED.remasked_count, linear))
    return refine(model, canvas, plan, MASK, trace)


def compare_passes(trace: list[BatchPass], iterations: list[dict[str, Any]], lengths: Tensor) -> None:
    """Compare the canvas after every pass but the last, and what was masked of it for the next one."""
    assert len(trace) == len(iterations) + 1
    for after, following, iteration in zip(trace, trace[1:], iterations):
        assert after.tokens.equal(torch.tensor(iteration["tokens_before"]).view(after.tokens.shape))
        masked = torch.zeros_like(after.tokens)
        for row, positions in enumerate(iteration["mask_sets"]):
            masked[row, positions] = 1
        # A padding that is masked too is put back.
        masked &= torch.arange(masked.size(1)) < lengths.flatten()[:, None]
        assert following.read.equal(after.tokens.masked_fill(masked.bool(), MASK))


@pytest.mark.parametrize("case", CASES)
def test_every_canvas_and_hypothesis(golden: Path, case: str, measured: Callable[[str], None]) -> None:
    expected, tables = load(golden)
    found = expected[case]
    lengths = torch.tensor(found["lengths"])
    if "gold" in case:
        longest = tables["length_logprobs"].size(1)
        assert RELEASED.around_gold(tables["gold_lengths"].long(), lengths.size(1), longest).lengths.equal(lengths)
    else:
        log_probs = tables["length_logprobs"]
        empty = torch.zeros(len(log_probs), dtype=torch.bool)
        assert RELEASED.predicted(log_probs, lengths.size(1), empty).lengths.equal(lengths)
    trace = Trace()
    refined = decode(case, tables, lengths, trace)
    assert refined.tokens.equal(torch.tensor(found["final_tokens"]).view(refined.tokens.shape))
    if case.startswith("mask_predict"):
        compare_passes(trace.passes, found["iterations"], lengths)

    score = refined.log_probs.sum(1).view(lengths.shape)
    difference = float((score - torch.tensor(found["lprob_sum"])).abs().max())
    assert difference < 1e-4
    fillable = torch.arange(refined.tokens.size(1)) < lengths.flatten()[:, None]
    mean = mean_log_probability(refined.log_probs, fillable, fillable).view(lengths.shape)
    assert best_first(mean)[:, 0].tolist() == found["best"]
    measured(f"{case}: {lengths.numel()} rows, summed log-probabilities within {difference:.1e}")


def test_the_cases_are_those_of_the_file(golden: Path) -> None:
    assert sorted(load(golden)[0]) == sorted(CASES) and len(CASES) == 50
