"""A bundle goes on from a draft as its checkpoint does under torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from test_same_translations import close

from fairseq_cmlm import Translator
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.runtime import Bundle

TEXT = "the small dog sees the boat"
KEPT: dict[str, Any] = {"history": True, "alternatives": 3}


def draft_of(made: Any, done: int) -> dict[str, Any]:
    """The arguments by which a decoding goes on behind a pass."""
    given = {"tokens": made.written, "probabilities": made.probabilities, "masked": made.masked_again}
    return {**given, "done": done}


@pytest.mark.parametrize(
    "options",
    [{}, {"preset": "fast"}, {"iterations": 0, "length_prior": 3.0}, {"mask_schedule": "cosine", "stop_unchanged": 2}],
    ids=str,
)
def test_every_pass_can_be_gone_on_from(
    options: dict[str, Any],
    translator: Translator,
    bundle: Path,
) -> None:
    opened = Bundle(bundle)
    (whole,) = opened.translate([TEXT], history=True, **options)
    history = whole.candidates[0].history or []
    assert len(history) > 3
    for done, made in enumerate(history, start=1):
        found = opened.go_on(TEXT, **draft_of(made, done), **KEPT, **options)
        assert close(found, translator.go_on(TEXT, **draft_of(made, done), **KEPT, **options)), done
    assert found.text == whole.text and found.candidates[0].history == []  # after the last pass nothing is masked


@pytest.mark.parametrize("done", [9, 10, 20, 10**20])
def test_a_draft_that_has_had_its_passes_gets_one_more(done: int, translator: Translator, bundle: Path) -> None:
    opened = Bundle(bundle)
    made = (opened.translate([TEXT], history=True)[0].candidates[0].history or [])[1]
    for options in ({}, {"halve_candidates": 1}):
        found = opened.go_on(TEXT, **draft_of(made, done), **KEPT, **options)
        assert close(found, translator.go_on(TEXT, **draft_of(made, done), **KEPT, **options))
        assert found.candidates[0].passes == 10 and len(found.candidates[0].history or []) == 1


def test_what_is_fixed_stays_and_counts_for_nothing(
    translator: Translator,
    bundle: Path,
) -> None:
    opened = Bundle(bundle)
    made = (opened.translate([TEXT], history=True, iterations=1)[0].candidates[0].history or [])[0]
    number = len(made.written) + 2
    draft = {
        "tokens": [made.written[1], made.written[0], *made.written],
        "probabilities": [0.5] * number,
        "masked": [True] * (number - 1) + [False],
        "fixed": [True, True, *[False] * (number - 2)],
        "done": 1,
    }
    found = opened.go_on(TEXT, **draft, **KEPT)
    assert close(found, translator.go_on(TEXT, **draft, **KEPT))
    (candidate,) = found.candidates
    assert candidate.history is not None and candidate.length == number
    assert all(one.written[:2] == draft["tokens"][:2] and one.why[:2] == ["given"] * 2 for one in candidate.history)  # type: ignore[index]
    everything = {**draft, "fixed": [True] * number}
    assert close(opened.go_on(TEXT, **everything), translator.go_on(TEXT, **everything))


def test_what_does_not_fit_is_told(bundle: Path) -> None:
    opened = Bundle(bundle)
    draft = {"probabilities": [1.0, 1.0], "masked": [True, False], "done": 0}
    with pytest.raises(TextError, match="dictionary has no 'nonsense'"):
        opened.go_on(TEXT, ["nonsense", "</s>"], **{**draft, "masked": [False, False]})
    with pytest.raises(OptionError, match="alternatives=2 stand in the history"):
        opened.go_on(TEXT, ["a", "</s>"], alternatives=2, **draft)
    long = opened.manifest.limits[1]
    many = {"probabilities": [1.0] * (long + 1), "masked": [True] * long + [False], "done": 0}
    with pytest.raises(TextError, match=f"the target has {long + 1} tokens"):
        opened.go_on(TEXT, ["a"] * long + ["</s>"], **many)


def test_a_draft_stays_where_its_length_is_scaled_away(translator: Translator, bundle: Path) -> None:
    words = (translator.translate([TEXT], history=True)[0].candidates[0].history or [])[0].written
    draft = {"tokens": [words[0]] * 38 + ["</s>"], "probabilities": [1.0] * 39, "masked": [True] + [False] * 38}
    for decoder in (translator, Bundle(bundle)):
        found = decoder.go_on(TEXT, **draft, done=2, length_scale=0.9)
        assert len(found.candidates) == 1 and found.candidates[0].score > -99
