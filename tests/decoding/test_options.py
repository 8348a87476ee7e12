from __future__ import annotations

from typing import Any, Optional

import pytest
import torch

from fairseq_cmlm.decoding.options import PRESETS, Decoding
from fairseq_cmlm.errors import OptionError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strategy": "guess"}, "--decoding-strategy guess must be one of mask_predict, "),
        ({"iterations": -1}, "--decoding-iterations -1 must be at least 0"),
        ({"iterations": "4"}, "--decoding-iterations '4' must be a whole number"),
        ({"iterations": True}, "--decoding-iterations True must be a whole number"),
        ({"length_beam": 0}, "--length-beam 0 must be at least 1"),
        ({"iterations_per_token": 0.0}, "--iterations-per-token 0.0 must be above 0"),
        ({"confidence_threshold": 1.5}, "--confidence-threshold 1.5 must be above 0 and at most 1"),
        ({"halve_candidates": -1}, "--halve-candidates -1 must be at least 1"),
        ({"stop_unchanged": 0}, "--stop-unchanged 0 must be at least 1"),
        ({"length_prior": -0.1}, "--length-prior -0.1 must be at least 0"),
        ({"length_prior": float("nan")}, "--length-prior nan must be at least 0"),
        ({"length_prior": float("inf")}, "--length-prior inf must be finite"),
        ({"iterations_per_token": float("inf")}, "--iterations-per-token inf must be finite"),
        ({"length_budget": 0}, "--length-budget 0 must be at least 1"),
        ({"mask_schedule": "square"}, "--mask-schedule square must be one of linear, cosine"),
        ({"preset": "quick"}, "--decoding-preset quick must be one of full, fast"),
        ({"dtype": "int4"}, "--decoding-dtype int4 must be one of float32, bfloat16, float16, int8"),
        ({"strategy": "easy_first", "beam": 0}, "--beam 0 must be at least 1"),
        ({"beam": 4}, "--beam 4 is for --decoding-strategy easy_first and left_to_right: use --length-beam"),
        (
            {"passes": 4},
            "'passes' is no decoding option by its name in Python: there are preset, strategy, iterations, ",
        ),
        (
            {"decoding_iterations": 4},
            "'decoding_iterations' is no decoding option by its name in Python: use iterations",
        ),
    ],
)
def test_values_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message.replace("(", r"\(")):
        Decoding.of(**given)


@pytest.mark.parametrize(
    ("other", "option"),
    [
        ({"original": True}, {"stop_unchanged": 2}),
        ({"original": True}, {"length_prior": 1.0}),
        ({"original": True}, {"length_budget": 3}),
        ({"original": True}, {"mask_schedule": "cosine"}),
        ({"strategy": "easy_first"}, {"halve_candidates": 1}),
        ({"strategy": "easy_first"}, {"mask_schedule": "cosine"}),
        ({"gold_target_length": True}, {"length_budget": 3}),
    ],
)
def test_what_excludes_each_other(other: dict[str, Any], option: dict[str, Any]) -> None:
    name = next(iter(option)).replace("_", "-")
    with pytest.raises(OptionError, match=rf"--{name} .* cannot be combined with --"):
        Decoding.of(**other, **option)
    Decoding.of(**other)
    Decoding.of(**option)


def test_an_option_of_a_preset_is_refused_as_if_it_were_given() -> None:
    with pytest.raises(
        OptionError, match=r"--confidence-threshold 0.6 .*set by --decoding-preset.* --original-decoding"
    ):
        Decoding.of(preset="fast", original=True, length_prior=0.0)


def test_passes_by_length() -> None:
    def passes(iterations: int, per_token: Optional[float]) -> list[int]:
        decoding = Decoding.of(iterations=iterations, iterations_per_token=per_token)
        return decoding.passes(torch.tensor([1, 5, 30])).tolist()

    assert passes(10, None) == [10, 10, 10]
    assert passes(10, 0.5) == [1, 3, 10]
    assert passes(10, 1e300) == [10, 10, 10]
    assert passes(0, None) == [1, 5, 30]
    assert passes(0, 0.5) == [1, 3, 15]


def test_a_preset_gives_way_to_what_is_given() -> None:
    assert Decoding.of(stop_unchanged=None) == Decoding()
    found = Decoding.of(preset="fast", halve_candidates=4, length_prior=None, stop_unchanged=9)
    assert found == Decoding(**{**PRESETS["fast"], "preset": "fast", "halve_candidates": 4, "stop_unchanged": 9})


def test_the_exact_mode_chooses_candidates_as_the_paper_does() -> None:
    assert Decoding.of().length_prior == 1.0
    assert Decoding.of(original=True).length_prior == 0.0


def test_a_signature_has_what_differs_and_what_matters() -> None:
    signed = Decoding.of(iterations=4, stop_unchanged=2, length_prior=0.5).signature()
    start = "strategy:mask_predict|iterations:4|mask_schedule:linear|length_beam:5|length_prior:0.5|dtype:float32|"
    assert signed.startswith(f"{start}stop_unchanged:2|version:")
    assert "|beam:3|version:" in Decoding.of(strategy="easy_first", beam=3).signature()
