"""Every field of a Decoding can be set on the command line of `report`, and in a setting of the benchmarks."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from test_decoding_declaration import BESIDE, VALUES

from fairseq_cmlm.commands.report import add_options, report_options
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.decoding_flags import read_setting
from fairseq_cmlm.experiments.subject import PAPER
from fairseq_cmlm.options import declared, flag_of

FLAGS = {"beam": "--beam", **{one.name: flag_of(one) for one in declared(Decoding)}}


def setting(name: str) -> dict[str, Any]:
    """What sets a field and lets it act."""
    others = {"beam": {"beam": 2, "strategy": "easy_first"}, "trained_smoothing": {"trained_smoothing": 0.2}}
    return others[name] if name in others else {**BESIDE.get(name, {}), name: VALUES[name]}


def parsed(*words: str) -> Any:
    parser = argparse.ArgumentParser()
    add_options(parser)
    found = parser.parse_args(["model.pt", "--source", "s", "--reference", "r", "--output", "o", *words])
    found.words = words
    return report_options(found)


@pytest.mark.parametrize("name", FLAGS)
def test_report_sets_every_field(name: str) -> None:
    written = {FLAGS[key]: value for key, value in setting(name).items()}
    words = [flag if value is True else f"{flag}={value}" for flag, value in written.items()]
    decoding = parsed(*words).subject.masked().decoding
    assert getattr(decoding, name) == setting(name)[name] != getattr(Decoding(), name)
    # All else is the paper's choice, or the preset's.
    preset = PRESETS[VALUES["preset"]] if name == "preset" else {}
    assert decoding == Decoding.of(**{**PAPER, **preset, **setting(name)})


@pytest.mark.parametrize("name", FLAGS)
def test_a_setting_sets_every_field(name: str) -> None:
    written = {FLAGS[key].lstrip("-").replace("-", "_"): value for key, value in setting(name).items()}
    text = ",".join(f"{key}={value}" for key, value in written.items())
    assert Decoding.of(**read_setting("--settings", text)) == Decoding.of(**setting(name))


def test_every_declared_option_is_a_flag_with_its_help() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    told = parser.format_help()
    for one in declared(Decoding):
        assert flag_of(one) in told


def test_what_cannot_be_decoded_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(OptionError, match="--decoding-iterations -1 must be at least 0"):
        parsed("--decoding-iterations", "-1")
    with pytest.raises(OptionError, match="--decoding-preset slow must be one of full, fast"):
        parsed("--decoding-preset", "slow")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iterations=4", "--settings iterations= is no option of decoding: did you mean decoding_iterations"),
        ("fast", "--settings fast: fast is not NAME=VALUE"),
    ],
)
def test_other_settings_are_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read_setting("--settings", text)
    assert read_setting("--settings", "") == {}
    assert read_setting("--settings", "rescore_with=5,decoding_iterations=5") == {"rescore_with": "5", "iterations": 5}
