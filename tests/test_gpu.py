"""The commands and the Translator on a CUDA device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fairseq_commands import LANGUAGES, PLUGIN, TINY, by_sentence, run

from fairseq_cmlm import Translator
from fairseq_cmlm.errors import OptionError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none"),
]
DEVICE = "cuda"
ON_GPU = tuple(option for option in TINY if option != "--cpu")
PRECISIONS = [(), ("--training-dtype", "bfloat16"), ("--fp16",), ("--bf16",), ("--amp",), ("--memory-efficient-fp16",)]
STRATEGIES = [
    (),
    ("--decoding-preset", "fast"),
    ("--decoding-strategy", "easy_first", "--beam", 2),
    ("--original-decoding",),
]


def generated(data: Path, checkpoint: Path, *options: object) -> dict[int, str]:
    """Sentence -> translation."""
    everything = (data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--num-workers", 0, *options)
    return {number: lines[0].split("\t")[1] for number, lines in by_sentence(run("generate", *everything))["H"].items()}


@pytest.mark.parametrize("options", STRATEGIES, ids=str)
def test_the_translations_are_those_of_the_cpu(data: Path, checkpoint: Path, options: tuple[object, ...]) -> None:
    assert generated(data, checkpoint, *options) == generated(data, checkpoint, "--cpu", *options)


@pytest.mark.parametrize("options", STRATEGIES, ids=str)
def test_captured_passes_change_nothing(data: Path, checkpoint: Path, options: tuple[object, ...]) -> None:
    plain = generated(data, checkpoint, *options)
    for batch in (1, 8):
        assert generated(data, checkpoint, *options, "--capture-passes", "--batch-size", batch) == plain


@pytest.mark.parametrize(
    "options",
    [
        ("--decoding-dtype", "float16"),
        ("--decoding-dtype", "bfloat16"),
        ("--decoding-dtype", "float16", "--capture-passes"),
        ("--fp16",),
        ("--bf16",),
    ],
    ids=str,
)
def test_lower_precision_loses_no_sentence(data: Path, checkpoint: Path, options: tuple[str, ...]) -> None:
    whole, found = generated(data, checkpoint), generated(data, checkpoint, *options)
    assert sorted(found) == list(range(17))
    # The model has learned little: tokens that are nearly equally likely may part.
    words = [(set(whole[i].split()), set(found[i].split())) for i in found]
    assert sum(len(a & b) / max(len(a | b), 1) for a, b in words) / len(words) > 0.6


def test_int8_is_refused(data: Path, checkpoint: Path) -> None:
    with pytest.raises(OptionError, match="--decoding-dtype int8 cannot be computed on this machine's cuda"):
        generated(data, checkpoint, "--decoding-dtype", "int8")


def interactive(data: Path, checkpoint: Path, path: Path, *options: object) -> dict[int, list[str]]:
    everything = (data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--input", path, *options)
    return {
        number: line[0].split("\t")[1:] for number, line in by_sentence(run("interactive", *everything))["H"].items()
    }


@pytest.mark.parametrize("options", [(), ("--capture-passes",)], ids=str)
def test_interactive(data: Path, checkpoint: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "lines"
    path.write_text("the dog sees a bird\n\nthe old king\na bird\n")
    here = interactive(data, checkpoint, path, "--cpu")
    assert interactive(data, checkpoint, path, *options) == here
    assert interactive(data, checkpoint, path, *options, "--buffer-size", 4, "--batch-size", 4) == here


def test_blanks_are_filled(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    word = (data / "dict.tgt.txt").read_text().split()[0]
    path = tmp_path / "lines"
    path.write_text(f"the dog\t{word} <blank:2> {word}\nthe bird\t{word} <blank>\n")
    here = interactive(data, checkpoint, path, "--cpu", "--infill")
    assert interactive(data, checkpoint, path, "--infill", "--capture-passes") == here


def test_the_translator(data: Path, checkpoint: Path) -> None:
    texts = ["the dog sees a bird", "", "the old king hears every small dog"]
    here, there = (Translator(checkpoint, data, device=device) for device in ("cpu", DEVICE))
    expected = here.translate(texts, history=True, alternatives=2)
    for options in ({}, {"capture_passes": True}):
        found = there.translate(texts, history=True, alternatives=2, **options)
        assert [one.text for one in found] == [one.text for one in expected]
        history = [[made.why for made in one.candidates[0].history or []] for one in found]
        assert history == [[made.why for made in one.candidates[0].history or []] for one in expected]
    bounds = [each.likelihood(texts, texts)[0].bound for each in (here, there)]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-3)


def trained(data: Path, save: Path, updates: int, *options: object) -> dict[str, torch.Tensor]:
    """The parameters after a training that goes on from a checkpoint in `save` if there is one."""
    run("train", data, *PLUGIN, *LANGUAGES, *ON_GPU, *options, "--max-update", updates, "--save-dir", save)
    model: dict[str, torch.Tensor] = torch.load(save / "checkpoint_last.pt", weights_only=False)["model"]
    return {name: each.float().cpu() for name, each in model.items() if each.is_floating_point()}


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
def test_training_learns_and_goes_on(data: Path, tmp_path: Path, precision: tuple[str, ...]) -> None:
    """Stopped after 10 updates and resumed, it is the whole training; kernels that add in any order may round apart."""
    options = (*precision, "--dropout", 0.1, "--fp16-init-scale", 16) if precision else ("--dropout", 0.1)
    whole = trained(data, tmp_path / "whole", 20, *options)
    trained(data, tmp_path / "parts", 10, *options)
    resumed = trained(data, tmp_path / "parts", 20, *options)
    assert all(each.isfinite().all() for each in whole.values())
    far = {name: float((whole[name] - each).abs().max()) for name, each in resumed.items()}
    assert max(far.values()) < (1e-4 if precision in ((), PRECISIONS[1]) else 2e-2), far


@pytest.mark.parametrize("precision", PRECISIONS[1:], ids=str)
def test_lower_precision_learns_as_float32_does(data: Path, tmp_path: Path, precision: tuple[str, ...]) -> None:
    options = ("--dropout", 0.0, "--lr", "1e-3")
    whole = trained(data, tmp_path / "whole", 15, *options)
    lower = trained(data, tmp_path / "lower", 15, *options, *precision)
    start = trained(data, tmp_path / "start", 1, *options, "--lr", "1e-9")
    moved, expected = (torch.cat([(each[n] - start[n]).flatten() for n in start]) for each in (lower, whole))
    assert torch.cosine_similarity(moved, expected, dim=0) > 0.8
    assert 0.8 < float(moved.norm() / expected.norm()) < 1.25


@pytest.mark.parametrize("arguments", ["{}", '{"capture_passes": true, "decoding_iterations": 4}'])
def test_bleu_while_training(data: Path, tmp_path: Path, arguments: str) -> None:
    kept = tuple(option for option in ON_GPU if option != "--disable-validation")
    bleu = ("--eval-bleu", "--eval-bleu-args", arguments, "--eval-bleu-detok", "space", "--eval-bleu-remove-bpe")
    best = ("--best-checkpoint-metric", "bleu", "--maximize-best-checkpoint-metric")
    log = run(
        "train", data, *PLUGIN, *LANGUAGES, *kept, *bleu, *best, "--max-epoch", 2, "--save-dir", tmp_path, "--fp16"
    )
    assert "| bleu " in log and (tmp_path / "checkpoint_best.pt").exists()
