from __future__ import annotations

import re
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any, Optional

import pytest
import torch
from fairseq_commands import LANGUAGES, PLUGIN, TINY, USER_DIR, by_sentence, generate, run
from torch import Tensor

from fairseq_cmlm.checkpoints.averaging import mean_parameters
from fairseq_cmlm.checkpoints.best import best_of
from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import CheckpointError, OptionError

TABLES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.output_projection.weight")


def load(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def mean(*models: dict[str, Tensor]) -> dict[str, Tensor]:
    return mean_parameters([(Path(f"{number}.pt"), model) for number, model in enumerate(models)])


def test_the_mean_of_a_teacher_is_the_mean_and_translates(data: Path, teacher: Path, tmp_path: Path) -> None:
    paths = [teacher / f"checkpoint{epoch}.pt" for epoch in (1, 2, 4)]
    main(["average", *map(str, paths), "--output", str(tmp_path / "mean.pt")])
    found, states = load(tmp_path / "mean.pt"), [load(path) for path in paths]
    assert found["model"].keys() == states[0]["model"].keys()
    for name, value in found["model"].items():
        expected = torch.stack([state["model"][name] for state in states]).double().mean(0)
        assert value.dtype == torch.float32 and torch.equal(value, expected.float()), name
    assert not torch.equal(found["model"][TABLES[0]], states[0]["model"][TABLES[0]])
    assert len({found["model"][name].data_ptr() for name in TABLES}) == 1
    assert (tmp_path / "mean.pt").stat().st_size < paths[0].stat().st_size / 2  # no optimizer state, one table
    assert found["cfg"] == states[0]["cfg"] and "last_optimizer_state" not in found
    options = ("--user-dir", USER_DIR, "--task", "translation", "--path", tmp_path / "mean.pt", "--cpu")
    assert len(by_sentence(run("generate", data, *LANGUAGES, *options, "--num-workers", 0))["H"]) == 17


def test_the_mean_of_a_cmlm_translates(data: Path, tmp_path: Path) -> None:
    options = [option for option in TINY if option not in ("--disable-validation", "--no-epoch-checkpoints")]
    save = ("--save-dir", tmp_path, "--max-epoch", 3, "--keep-best-checkpoints", 2, "--keep-last-epochs", 2)
    log = run("train", data, *PLUGIN, *LANGUAGES, *options, *save)
    main(["average", "--best", "2", str(tmp_path), "--output", str(tmp_path / "averaged" / "mean.pt")])
    losses = validation_losses(log)
    states = [load(tmp_path / f"checkpoint.best_loss_{loss:.3f}{digit}.pt") for loss, digit in kept(tmp_path)]
    assert len(losses) == 3 and sorted(losses.values())[:2] == sorted(loss for loss, _ in kept(tmp_path))
    found = load(tmp_path / "averaged" / "mean.pt")["model"]
    name = "decoder.layers.0.ffn.expand.weight"
    assert torch.allclose(found[name], sum(state["model"][name] for state in states) / 2, rtol=1e-6)
    assert torch.equal(found["dictionary_version"], states[0]["model"]["dictionary_version"])
    assert len(generate(data, tmp_path / "averaged" / "mean.pt", "--decoding-iterations", 1)["H"]) == 17


def validation_losses(log: str) -> dict[int, float]:
    """Updates -> validation loss."""
    pairs = re.findall(r"valid on 'valid' subset \| loss ([0-9.]+) .*num_updates (\d+)", log)
    return {int(updates): float(loss) for loss, updates in pairs}


def kept(folder: Path) -> list[tuple[float, str]]:
    """The loss and the random digit in each name that --keep-best-checkpoints made."""
    names = [file.stem.rpartition("_")[2] for file in folder.glob("checkpoint.best_loss_*.pt")]
    return [(float(name[:-1]), name[-1]) for name in names]


def test_the_best_are_those_of_the_log_and_copies_count_once(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    losses = validation_losses((teacher / "log").read_text())
    best = sorted(losses, key=lambda updates: losses[updates])
    assert len(best) == 4 and (teacher / "checkpoint_last.pt").exists() and (teacher / "checkpoint_best.pt").exists()
    assert [record.updates for record in best_of([teacher], 3)] == best[:3]
    main(["average", str(teacher), "--best", "4", "--output", str(tmp_path / "mean.pt")])
    printed = capsys.readouterr().out
    assert re.findall(r": (\d+) updates, loss", printed) == [str(updates) for updates in best]
    with pytest.raises(CheckpointError, match=r"--best 5 is more than the 4 validated checkpoints in .*\(6 files"):
        best_of([teacher], 5)


def checkpoint(
    path: Path,
    updates: int,
    value: Optional[float],
    metric: str = "loss",
    maximize: bool = False,
    parameter: Optional[float] = None,
) -> Path:
    options = {"best_checkpoint_metric": metric, "maximize_best_checkpoint_metric": maximize}
    state = {
        "args": None,
        "cfg": {"checkpoint": options},
        "model": {"x": torch.tensor([float(updates) if parameter is None else parameter])},
        "optimizer_history": [{"num_updates": updates}],
        "extra_state": {"val_loss": value},
    }
    path.parent.mkdir(exist_ok=True)
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("maximize", "values", "best"),
    [
        (False, {1: 3.0, 2: 1.0, 3: 2.0}, [2, 3]),
        (True, {1: 3.0, 2: 1.0, 3: 2.0}, [1, 3]),
        (False, {1: 1.0, 2: 1.0, 3: 1.0}, [3, 2]),
        (False, {1: 3.0, 2: None, 3: 2.0, 4: float("nan")}, [3, 1]),
    ],
)
def test_what_is_best(tmp_path: Path, maximize: bool, values: dict[int, Optional[float]], best: list[int]) -> None:
    files = [checkpoint(tmp_path / f"{i}.pt", i, value, "bleu", maximize) for i, value in values.items()]
    assert [record.updates for record in best_of(files, 2)] == best


def test_the_best_of_two_trainings_are_chosen_at_equal_numbers_of_updates_too(tmp_path: Path) -> None:
    values = {"a": {100: 3.0, 200: 2.5}, "b": {100: 2.0, 200: 1.0}}
    for folder, losses in values.items():
        for updates, loss in losses.items():
            name = f"checkpoint_{updates}.pt"
            checkpoint(tmp_path / folder / name, updates, loss, parameter=loss)
    # Copies, within a folder as fairseq-train makes them and in another; one was validated again.
    shutil.copy(tmp_path / "a" / "checkpoint_200.pt", tmp_path / "a" / "checkpoint_last.pt")
    shutil.copy(tmp_path / "b" / "checkpoint_200.pt", tmp_path / "a" / "checkpoint_stray.pt")
    checkpoint(tmp_path / "b" / "checkpoint_last.pt", 200, 1.5, parameter=1.0)
    for folders in (["a", "b"], ["b", "a"]):
        found = best_of([tmp_path / folder for folder in folders], 4)
        assert [(record.updates, record.value) for record in found] == [(200, 1.0), (100, 2.0), (200, 2.5), (100, 3.0)]
    with pytest.raises(CheckpointError, match=r"--best 5 is more than the 4 validated .*\(7 files, copies included\)"):
        best_of([tmp_path / "a", tmp_path / "b"], 5)


def test_checkpoints_of_two_measures_are_not_compared(tmp_path: Path) -> None:
    files = [checkpoint(tmp_path / "1.pt", 1, 1.0), checkpoint(tmp_path / "2.pt", 2, 2.0, "bleu", True)]
    with pytest.raises(CheckpointError, match=r"different measures, bleu, loss: .* without --best"):
        best_of(files, 1)
    with pytest.raises(OptionError, match="--best 0 must be at least 1"):
        best_of(files, 0)


def test_options_of_old_checkpoints_are_read_too(tmp_path: Path) -> None:
    for updates, value in enumerate([1.0, 2.0]):
        path = checkpoint(tmp_path / f"{updates}.pt", updates, value)
        args = Namespace(best_checkpoint_metric="bleu", maximize_best_checkpoint_metric=True)
        torch.save({**load(path), "cfg": None, "args": args}, path, _use_new_zipfile_serialization=False)
    assert [record.metric for record in best_of([tmp_path / "0.pt", tmp_path / "1.pt"], 1)] == ["bleu"]
    assert best_of([tmp_path / "0.pt", tmp_path / "1.pt"], 1)[0].updates == 1


def test_half_precision_is_summed_exactly() -> None:
    values = torch.tensor([[60000.0, 1.0, 2048.0], [60000.0, 1.0009765625, 1.0], [60000.0, 1.0, 1.0]]).half()
    found = mean(*({"x": row} for row in values))["x"]
    assert found.dtype == torch.float16
    # In half precision the first sum would be infinite, and 2048 + 1 = 2048.
    assert found.tolist() == [60000.0, 1.0, 683.5]
    assert mean({"x": values[0].bfloat16()}, {"x": values[1].bfloat16()})["x"].dtype == torch.bfloat16


def test_names_share_a_tensor_only_if_they_do_in_every_checkpoint() -> None:
    one, two = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    found = mean({"a": one, "b": one}, {"a": two, "b": two})
    assert found["a"] is found["b"] and found["a"].tolist() == [2.0, 3.0]
    found = mean({"a": one, "b": one}, {"a": two, "b": two.clone() + 2})
    assert found["a"].tolist() == [2.0, 3.0] and found["b"].tolist() == [3.0, 4.0]
    table = torch.arange(4.0)
    found = mean({"a": table[:2], "b": table[2:]}, {"a": table[:2], "b": table[2:]})
    assert found["a"].tolist() == [0.0, 1.0] and found["b"].tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"x": torch.zeros(2)}, r"1\.pt lacks the parameter n, which 0\.pt has"),
        ({"x": torch.zeros(2), "n": torch.tensor(7), "y": torch.zeros(1)}, r"0\.pt lacks the parameter y"),
        ({"x": torch.zeros(3), "n": torch.tensor(7)}, r"x has the shape \(3,\) in 1\.pt and \(2,\) in 0\.pt"),
        ({"x": torch.zeros(2), "n": torch.tensor(8)}, r"n, of whole numbers, differs between 1\.pt and 0\.pt"),
        ({"x": torch.zeros(2).long(), "n": torch.tensor(7)}, r"x is of the type torch\.int64 in 1\.pt but not in 0"),
    ],
)
def test_other_models_are_named(second: dict[str, Tensor], message: str) -> None:
    with pytest.raises(CheckpointError, match=f"{message}.*: average checkpoints of one training only"):
        mean({"x": torch.ones(2), "n": torch.tensor(7)}, second)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_model_that_diverged_is_named(tmp_path: Path, value: float) -> None:
    good, bad = checkpoint(tmp_path / "good.pt", 1, 1.0), checkpoint(tmp_path / "bad.pt", 2, 1.0, parameter=value)
    for paths in ([good, bad], [bad, good], [bad]):
        with pytest.raises(SystemExit, match=r"fairseq-cmlm average: x in \S*bad\.pt holds NaN or infinite numbers"):
            main(["average", *map(str, paths), "--output", str(tmp_path / "mean.pt")])
    assert not (tmp_path / "mean.pt").exists()


def test_a_buffer_that_fairseq_leaves_uninitialised_may_hold_anything() -> None:
    name = "decoder.embed_positions._float_tensor"
    assert mean({name: torch.tensor([float("nan")]), "x": torch.ones(1)})["x"].tolist() == [1.0]


def test_what_cannot_be_averaged_is_named_and_nothing_written(teacher: Path, tmp_path: Path) -> None:
    good, output = str(teacher / "checkpoint1.pt"), tmp_path / "mean.pt"
    (tmp_path / "half.pt").write_bytes((teacher / "checkpoint1.pt").read_bytes()[:5000])
    torch.save({"model": 3}, tmp_path / "other.pt")
    torch.save({"model": shutil.copy}, tmp_path / "foreign.pt")
    for second, message in (
        (teacher, "is a folder: name a checkpoint in it, such as checkpoint_best.pt, or the mean of its best"),
        (tmp_path / "gone.pt", "does not exist"),
        (tmp_path / "half.pt", "cannot be read as a checkpoint: is it complete"),
        (tmp_path / "other.pt", "is no checkpoint of fairseq-train"),
        (tmp_path / "foreign.pt", r"needs the foreign code shutil\.copy and was not loaded"),
    ):
        with pytest.raises(SystemExit, match=f"fairseq-cmlm average: .*{second.name} {message}"):
            main(["average", good, str(second), "--output", str(output)])
        assert not output.exists()
    output.write_text("mine")
    with pytest.raises(SystemExit, match=r"mean\.pt exists already"):
        main(["average", good, "--output", str(output)])
    assert output.read_text() == "mine"
