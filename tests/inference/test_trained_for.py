"""A decoding that reads what no objective has trained is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.trained_for import refuse_untrained, with_smoothing
from fairseq_cmlm.training.objectives import OBJECTIVES


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_untrained_positions_are_not_read(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scoring = replace(OBJECTIVES["cmlm"], scores_revealed=True)
    monkeypatch.setitem(OBJECTIVES, "corrects", scoring)
    decoding = Decoding.of(strategy=strategy)
    refuse_untrained(decoding, "corrects")
    if not STRATEGIES[strategy].rereads:
        return refuse_untrained(decoding, "cmlm")
    with pytest.raises(OptionError, match=f"{strategy} predicts words that .* cmlm, .*--objective .*corrects"):
        refuse_untrained(decoding, "cmlm")


def test_without_any_such_objective_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, row in list(OBJECTIVES.items()):
        monkeypatch.setitem(OBJECTIVES, name, replace(row, scores_revealed=False))
    with pytest.raises(OptionError, match=r"there is none yet"):
        refuse_untrained(Decoding.of(strategy="all_tokens"), "likelihood")


def test_entropies_are_freed_of_the_smoothing_of_the_training() -> None:
    bound = Decoding.of(entropy_bound=0.5)
    told = with_smoothing(bound, [0.1, 0.3])
    assert told.trained_smoothing == pytest.approx(0.2) and told.desmooth is None
    assert with_smoothing(bound, []) == bound
    given = Decoding.of(entropy_bound=0.5, desmooth=0.0)
    assert with_smoothing(given, [0.1]) == with_smoothing(given, [None]) == given
    with pytest.raises(OptionError, match=r"the checkpoint does not tell it: give it as --desmooth 0\.1"):
        with_smoothing(bound, [0.1, None])


def test_probabilities_alone_are_compared_as_they_are() -> None:
    plain = Decoding.of(confidence_threshold=0.6)
    assert with_smoothing(plain, [0.1]) == with_smoothing(plain, [None]) == plain


def test_a_head_that_is_not_trained_is_not_read() -> None:
    refuse_untrained(Decoding.of(plan_by="quality"), "prism")
    with pytest.raises(OptionError, match=r"--plan-by quality reads a head .* hybrid, does not train: .* prism"):
        refuse_untrained(Decoding.of(plan_by="quality"), "hybrid")
