"""Every decoding option can be set from fairseq's command line, in --eval-bleu-args, from Python and in a report."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq_commands import PLUGIN, load_task

from fairseq_cmlm import Translator
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.options import declared, flag_of, name_of
from fairseq_cmlm.plugin.task import TranslationCMLMTask

# Field -> a value that is not its default.
VALUES: dict[str, Any] = {
    "preset": "fast",
    "strategy": "without_remasking",
    "iterations": 4,
    "mask_schedule": "cosine",
    "length_beam": 3,
    "length_prior": 0.0,
    "gold_target_length": True,
    "length_budget": 7,
    "original": True,
    "dtype": "bfloat16",
    "halve_candidates": 2,
    "iterations_per_token": 0.5,
    "stop_unchanged": 3,
    "confidence_threshold": 0.7,
}
FIELDS = [one for one in declared(Decoding)]


def test_every_field_has_a_value_here() -> None:
    assert list(VALUES) == [one.name for one in FIELDS]
    for one in FIELDS:
        assert VALUES[one.name] != one.default


@pytest.fixture(scope="module")
def task(data: Path) -> TranslationCMLMTask:
    return load_task(data)


@pytest.mark.parametrize("one", FIELDS, ids=lambda one: one.name)
def test_on_the_command_line(one: Any, data: Path) -> None:
    value = VALUES[one.name]
    given = [flag_of(one)] if value is True else [flag_of(one), str(value)]
    words = [str(data), *PLUGIN, "-s", "src", "-t", "tgt", "--path", __file__, *given]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_generation_parser(), words))
    generator = TranslationCMLMTask.setup_task(cfg.task).build_generator([], cfg.generation)
    assert generator.decoding == Decoding.of(**{one.name: value})


@pytest.mark.parametrize("one", FIELDS, ids=lambda one: one.name)
def test_in_eval_bleu_args(one: Any, task: TranslationCMLMTask) -> None:
    value = VALUES[one.name]
    generator = task.build_generator([], Namespace(**{name_of(one): value}))
    assert generator.decoding == Decoding.of(**{one.name: value})


@pytest.mark.parametrize("one", FIELDS, ids=lambda one: one.name)
def test_from_python(one: Any, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Decoding] = []

    def generator(self: Any, models: Any, decoding: Decoding, **others: Any) -> None:
        seen.append(decoding)

    monkeypatch.setattr(TranslationCMLMTask, "generator", generator)
    Translator(checkpoint).translate([], **{one.name: VALUES[one.name]})
    assert seen == [Decoding.of(**{one.name: VALUES[one.name]})]
