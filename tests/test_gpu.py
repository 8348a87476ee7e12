"""The same on a CUDA device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fairseq_commands import LANGUAGES, PLUGIN, TINY, by_sentence, run

from fairseq_cmlm.errors import OptionError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none"),
]


def test_the_translations_are_those_of_the_cpu(data: Path, checkpoint: Path) -> None:
    options = (data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--num-workers", 0)
    found = [by_sentence(run("generate", *options, *device)) for device in (("--cpu",), ())]
    texts = [{number: lines[0].split("\t")[1] for number, lines in one["H"].items()} for one in found]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "options", [("--decoding-dtype", "float16"), ("--decoding-dtype", "bfloat16"), ("--decoding-preset", "fast")]
)
def test_lower_precision_and_early_exits_lose_no_sentence(
    data: Path, checkpoint: Path, options: tuple[str, str]
) -> None:
    everything = (data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--num-workers", 0, *options)
    assert sorted(by_sentence(run("generate", *everything))["H"]) == list(range(17))


def test_int8_is_refused(data: Path, checkpoint: Path) -> None:
    options = (data, *PLUGIN, *LANGUAGES, "--path", checkpoint, "--num-workers", 0, "--decoding-dtype", "int8")
    with pytest.raises(OptionError, match="--decoding-dtype int8 cannot be computed on this machine's cuda"):
        run("generate", *options)


@pytest.mark.parametrize("precision", [(), ("--training-dtype", "bfloat16"), ("--fp16",), ("--bf16",), ("--amp",)])
def test_training(data: Path, tmp_path: Path, precision: tuple[str, ...]) -> None:
    options = tuple(option for option in TINY if option != "--cpu")
    run("train", data, *PLUGIN, *LANGUAGES, *options, *precision, "--max-update", 5, "--save-dir", tmp_path)
    assert (tmp_path / "checkpoint_last.pt").exists()
