"""Objectives through fairseq-train: exact to resume, whatever the workers, and what the log and the commands show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from fairseq_commands import LANGUAGES, PLUGIN, TINY, run, train

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import OptionError

RAMP = ("--ramp-updates", 12)


def same(left: Path, right: Path) -> bool:
    """Whether two checkpoints hold the same parameters."""
    a, b = (torch.load(path, weights_only=True)["model"] for path in (left, right))
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


@pytest.mark.parametrize(
    ("objective", "options"),
    [("smart", RAMP), ("prism", ()), ("minimum_risk", ())],
)
def test_a_resumed_training_is_the_whole_one_with_any_number_of_workers(
    data: Path, tmp_path: Path, objective: str, options: tuple[object, ...]
) -> None:
    everything = ("--objective", objective, *options, "--clip-norm", 1.0, "--update-freq", 2)
    train(data, tmp_path / "whole", *everything, updates=6)
    train(data, tmp_path / "parts", *everything, updates=2)
    train(data, tmp_path / "parts", *everything, "--num-workers", 1, updates=6)
    assert same(tmp_path / "whole/checkpoint_last.pt", tmp_path / "parts/checkpoint_last.pt")


@pytest.mark.parametrize(
    ("objective", "part"),
    [
        ("cmlmc", "correction_loss"),
        ("prism", "quality_loss"),
        ("minimum_risk", "risk"),
    ],
)
def test_each_part_is_logged_in_training_and_validation(data: Path, tmp_path: Path, objective: str, part: str) -> None:
    validating = (option for option in TINY if option != "--disable-validation")
    reduced = ("--objective", objective, "--training-dtype", "bfloat16", "--max-epoch", 1, "--no-save")
    log = run("train", data, *PLUGIN, *LANGUAGES, *validating, *reduced, "--save-dir", tmp_path)
    for kind in (r"^epoch 001 \| loss", r"valid on 'valid' subset \|"):
        (found,) = set(re.findall(rf"{kind}.* {part} ([0-9.]+) ", log, re.MULTILINE))
        assert 0 < float(found) < 20


def test_options_of_other_objectives_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"--guess-share 0\.3 cannot be combined with --objective cmlm"):
        train(data, tmp_path, "--guess-share", 0.3, updates=1)


def test_the_exposure_of_a_checkpoint(
    text: Path, data: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ("--source", str(text / "test.src"), "--target", str(text / "test.tgt"))
    main(["exposure", str(checkpoint), *both, "--data", str(data)])
    printed = capsys.readouterr().out
    assert re.search(r"^exposure gap -?[0-9.]+ nats: a masked token costs [0-9.]+ beside the reference's", printed)
    assert re.search(r"^repair rate [0-9.]+ %: so many of \d+ wrong words are mended", printed, re.MULTILINE)
    assert "of 17 sentences, " in printed
