from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.thresholds import rewrite_above, smoothed_certainty, smoothed_probability, stopping_rules
from fairseq_cmlm.decoding.tokens import entropy_of


@pytest.mark.parametrize(("words", "smoothing"), [(10, 0.1), (4112, 0.1), (50, 0.3)])
def test_a_smoothed_network_that_is_certain(words: int, smoothing: float) -> None:
    """Its probability is that of 1 smoothed, and its entropy the floor."""
    probabilities = torch.full((1, words), smoothing / words, dtype=torch.float64)
    probabilities[0, 3] += 1 - smoothing
    assert float(probabilities[0, 3]) == pytest.approx(smoothed_probability(1.0, smoothing, words))
    assert float(entropy_of(probabilities.log())) == pytest.approx(smoothed_certainty(smoothing, words))


def test_the_floor_of_the_paper_that_warns_of_it() -> None:
    assert smoothed_certainty(0.1, 32000) == pytest.approx(1.36, abs=0.005)


def test_thresholds_are_as_given_unless_smoothing_is_undone() -> None:
    tried = torch.linspace(0.01, 1, 100)

    def limits(**options: float) -> tuple[float, float]:
        decoding = Decoding.of(strategy="edit", confidence_threshold=0.8, edit_threshold=0.5, **options)
        (sure, *_) = stopping_rules(decoding, 100)
        above = rewrite_above(decoding, 100)
        assert above is not None and sure.reason == "sure"
        made: Any = SimpleNamespace(after=SimpleNamespace(log_probs=tried.log()[None]))
        return math.exp(above), int(sure.may_remask(made).sum()) / 100

    assert limits() == pytest.approx((0.5, 0.79))
    assert limits(desmooth=0.1) == pytest.approx((0.451, 0.72))
    # What the checkpoint tells corrects entropies alone.
    assert limits(trained_smoothing=0.1, entropy_bound=0.5) == pytest.approx((0.5, 0.79))


def test_entropies_are_corrected_for_what_the_checkpoint_tells() -> None:
    nearly = torch.full((1, 2), smoothed_certainty(0.1, 100) + 0.01)
    made: Any = SimpleNamespace(entropy=nearly, before=SimpleNamespace(masked=torch.ones(1, 2, dtype=torch.bool)))
    for options, remasked in (
        ({}, 1),
        ({"trained_smoothing": 0.1}, 0),
        ({"trained_smoothing": 0.1, "desmooth": 0.0}, 1),
    ):
        (rule,) = stopping_rules(Decoding.of(entropy_bound=0.1, **options), 100)
        assert int(rule.may_remask(made).sum()) == remasked


def test_every_threshold_has_its_rule() -> None:
    decoding = Decoding.of(stop_unchanged=1, stop_entropy=0.1, confidence_threshold=0.8, entropy_bound=0.5)
    assert [(rule.reason, rule.entropy) for rule in stopping_rules(decoding, 100)] == [
        ("unchanged", True),
        ("sure", False),
        ("certain", True),
    ]
    assert rewrite_above(decoding, 100) is None
