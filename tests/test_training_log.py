from __future__ import annotations

import json
from pathlib import Path

import pytest
from fairseq_commands import LANGUAGES, PLUGIN, TINY, run

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.training_log import read_log

WANTED = ["bleu", "nll_loss"]
HEAD = "2026-01-01 00:00:00 | INFO | "


def simple(updates: int, nll: float, subset: str = "valid") -> str:
    """A line of --log-format simple."""
    stats = f"loss 9.9 | nll_loss {nll} | ppl 1e+09 | wps 7 | num_updates {updates} | best_loss 1"
    return f"{HEAD}{subset} | epoch 001 | valid on '{subset}' subset | {stats}\n"


def as_json(updates: int, nll: str, subset: str = "valid") -> str:
    """A line of --log-format json."""
    stats = {"loss": "9.9", "nll_loss": nll, "ppl": "1e+09", "num_updates": str(updates), "wall": "inf"}
    return f"{HEAD}{subset} | {json.dumps({'epoch': 1, **{f'{subset}_{name}': stats[name] for name in stats}})}\n"


TRAIN = HEAD + 'train_inner | {"epoch": 1, "update": 0.5, "loss": "8", "num_updates": "55", "nll_loss": "7"}\n'
TRAIN += HEAD + 'train | {"epoch": 1, "train_loss": "8", "train_nll_loss": "7", "train_num_updates": "60"}\n'


@pytest.mark.parametrize("form", ["simple", "json"])
def test_what_fairseq_logs_is_read(data: Path, tmp_path: Path, form: str) -> None:
    words = [word for word in TINY if word != "--disable-validation"]
    options = ["--max-update", "4", "--validate-interval-updates", "2", "--eval-bleu", "--save-dir", tmp_path]
    options += ["--log-format", form, "--valid-subset", "valid,test"]
    log = run("train", data, *PLUGIN, *LANGUAGES, *words, *options)
    # The log of the tests has no head.
    (tmp_path / "log").write_text("".join(f"{HEAD}x | {line}\n" for line in log.splitlines()))
    found = read_log(tmp_path / "log", WANTED)
    assert list(found) == ["valid", "test"]
    for validations in found.values():
        assert list(validations)[:2] == [2, 4]
        assert all(0 <= measured["bleu"] <= 100 and measured["nll_loss"] > 1 for measured in validations.values())
    assert found["valid"][2]["nll_loss"] != found["test"][2]["nll_loss"]


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (simple(100, 8.25), {"valid": {100: {"nll_loss": 8.25}}}),
        (simple(100, 1e-5), {"valid": {100: {"nll_loss": 1e-5}}}),
        (simple(100, 8) + simple(150, 7) + simple(150, 6), {"valid": {100: {"nll_loss": 8}, 150: {"nll_loss": 6}}}),
        (simple(1, 8) + simple(1, 3, "my-test"), {"valid": {1: {"nll_loss": 8}}, "my-test": {1: {"nll_loss": 3}}}),
        (f"{HEAD}valid | epoch 1 | nll_loss 8 | num_updates 7\n", {"valid": {7: {"nll_loss": 8}}}),
        (TRAIN + as_json(100, "8.25"), {"valid": {100: {"nll_loss": 8.25}}}),
        (as_json(1, "8") + as_json(1, "3e-05", "a_b"), {"valid": {1: {"nll_loss": 8}}, "a_b": {1: {"nll_loss": 3e-5}}}),
        (as_json(1, "nan"), {"valid": {1: {}}}),
        (simple(100, 8) + simple(200, 7)[:60], {"valid": {100: {"nll_loss": 8.0}}}),
        (as_json(100, "8") + as_json(200, "7")[:80], {"valid": {100: {"nll_loss": 8.0}}}),
    ],
)
def test_each_validation_is_found(tmp_path: Path, log: str, found: dict[str, dict[int, dict[str, float]]]) -> None:
    (tmp_path / "log").write_text(log)
    assert read_log(tmp_path / "log", WANTED) == found


@pytest.mark.parametrize("log", ["", TRAIN, simple(1, 8)[:60], as_json(1, "8")[:80]])
def test_a_log_without_validations_is_refused(tmp_path: Path, log: str) -> None:
    (tmp_path / "log").write_text(log)
    with pytest.raises(TextError, match=r"log holds no validation that fairseq-train logged: .* simple, tqdm or json"):
        read_log(tmp_path / "log", WANTED)
