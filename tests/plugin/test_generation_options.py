from __future__ import annotations

from argparse import Namespace

import pytest
import torch
from fairseq.dataclass.configs import GenerationConfig

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.plugin.generation_options import (
    FOREIGN_OPTIONS,
    PRESETS,
    DecodingOptions,
    EarlyExits,
    refuse_foreign_options,
)


def test_fairseqs_defaults_are_accepted() -> None:
    refuse_foreign_options(GenerationConfig())
    refuse_foreign_options(Namespace())


@pytest.mark.parametrize("name", sorted(FOREIGN_OPTIONS))
def test_each_is_refused_by_name_at_another_value(name: str) -> None:
    default, advice = FOREIGN_OPTIONS[name]
    value = (not default) if isinstance(default, bool) else 7
    with pytest.raises(OptionError) as error:
        refuse_foreign_options(Namespace(**{name: value}))
    assert f"--{name.replace('_', '-')} {value}" in str(error.value) and advice in str(error.value)


@pytest.mark.parametrize("name", sorted(name for name in FOREIGN_OPTIONS if name.startswith("iter_decode")))
def test_fairseqs_own_refinement_options_still_exist_with_these_defaults(name: str) -> None:
    assert getattr(GenerationConfig(), name) == FOREIGN_OPTIONS[name][0]


def test_unknown_strategy_names_those_that_exist() -> None:
    with pytest.raises(OptionError, match=r"--decoding-strategy guess is none of .*mask_predict"):
        DecodingOptions("guess", 1, 1, False)


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        ({"iterations_per_token": 0.0}, "--iterations-per-token 0.0 must be above 0"),
        ({"confidence_threshold": 1.5}, "--confidence-threshold 1.5 must be above 0 and at most 1"),
        ({"halve_candidates": -1}, "--halve-candidates -1 must be at least 1"),
        ({"stop_unchanged": 0}, "--stop-unchanged 0 must be at least 1"),
    ],
)
def test_early_exits_are_checked(exits: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        EarlyExits(**exits)


@pytest.mark.parametrize("other", [{"original": True}, {"strategy": "easy_first"}])
def test_early_exits_are_not_for_decoders_that_make_all_passes(other: dict[str, str]) -> None:
    with pytest.raises(OptionError, match=r"--stop-unchanged is not for --(original|decoding-strategy easy_first)"):
        DecodingOptions(
            **{"strategy": "mask_predict", **other}, iterations=1, length_beam=1, exits=EarlyExits(stop_unchanged=2)
        )


def test_passes_by_length() -> None:
    def passes(iterations: int, per_token: float | None) -> list[int]:
        exits = EarlyExits(iterations_per_token=per_token)
        return DecodingOptions("mask_predict", iterations, 1, exits=exits).passes(torch.tensor([1, 5, 30])).tolist()

    assert passes(10, None) == [10, 10, 10]
    assert passes(10, 0.5) == [1, 3, 10]
    assert passes(0, None) == [1, 5, 30]
    assert passes(0, 0.5) == [1, 3, 15]


def test_a_preset_gives_way_to_what_is_given() -> None:
    assert EarlyExits.of_preset("full", {"stop_unchanged": None, "halve_candidates": None}) == EarlyExits()
    given = EarlyExits.of_preset("fast", {"halve_candidates": 4, "stop_unchanged": None})
    assert given == EarlyExits(**{**PRESETS["fast"], "halve_candidates": 4})
    with pytest.raises(OptionError, match="--decoding-preset quick is none of full, fast"):
        EarlyExits.of_preset("quick", {})


def test_an_unknown_kind_of_number_names_those_that_exist() -> None:
    with pytest.raises(OptionError, match=r"--decoding-dtype int4 is none of float32, bfloat16, float16, int8"):
        DecodingOptions("mask_predict", 1, 1, dtype="int4")
