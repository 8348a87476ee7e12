from __future__ import annotations

from typing import Any, Optional

import pytest
import torch

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin.decoding_options import PRESETS, DecodingOptions, with_preset


def test_unknown_strategy_names_those_that_exist() -> None:
    with pytest.raises(OptionError, match=r"--decoding-strategy guess is none of .*mask_predict"):
        DecodingOptions("guess", 1, 1, False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"iterations_per_token": 0.0}, "--iterations-per-token 0.0 must be above 0"),
        ({"confidence_threshold": 1.5}, "--confidence-threshold 1.5 must be above 0 and at most 1"),
        ({"halve_candidates": -1}, "--halve-candidates -1 must be at least 1"),
        ({"stop_unchanged": 0}, "--stop-unchanged 0 must be at least 1"),
        ({"length_prior": -0.1}, "--length-prior -0.1 must be at least 0"),
        ({"beam": 0}, "--beam 0 must be at least 1"),
    ],
)
def test_values_are_checked(values: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DecodingOptions("mask_predict", 10, 5, **values)


@pytest.mark.parametrize(
    ("other", "option"),
    [
        ({"original": True}, {"stop_unchanged": 2}),
        ({"original": True}, {"length_prior": 1.0}),
        ({"strategy": "easy_first"}, {"halve_candidates": 1}),
    ],
)
def test_what_decodes_in_a_given_way_refuses_early_exits(other: dict[str, Any], option: dict[str, Any]) -> None:
    common = {"strategy": "mask_predict", "iterations": 1, "length_beam": 1}
    name = next(iter(option)).replace("_", "-")
    with pytest.raises(OptionError, match=rf"--{name}, .* is not for --(original|decoding-strategy easy_first)"):
        DecodingOptions(**{**common, **other, **option})
    DecodingOptions(**{**common, **option})


def test_passes_by_length() -> None:
    def passes(iterations: int, per_token: Optional[float]) -> list[int]:
        options = DecodingOptions("mask_predict", iterations, 1, iterations_per_token=per_token)
        return options.passes(torch.tensor([1, 5, 30])).tolist()

    assert passes(10, None) == [10, 10, 10]
    assert passes(10, 0.5) == [1, 3, 10]
    assert passes(0, None) == [1, 5, 30]
    assert passes(0, 0.5) == [1, 3, 15]


def test_a_preset_gives_way_to_what_is_given() -> None:
    assert with_preset("full", {"stop_unchanged": None}) == {"strategy": "mask_predict", "iterations": 10}
    assert with_preset("fast", {"strategy": "mask_predict"})["strategy"] == "mask_predict"
    given = with_preset("fast", {"halve_candidates": 4, "length_prior": None, "stop_unchanged": 9})
    assert given == {**PRESETS["fast"], "halve_candidates": 4, "stop_unchanged": 9}
    with pytest.raises(OptionError, match="--decoding-preset quick is none of full, fast"):
        with_preset("quick", {})


def test_an_unknown_kind_of_number_names_those_that_exist() -> None:
    with pytest.raises(OptionError, match=r"--decoding-dtype int4 is none of float32, bfloat16, float16, int8"):
        DecodingOptions("mask_predict", 1, 1, dtype="int4")
