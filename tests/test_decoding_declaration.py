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
from fairseq_cmlm.inference.readers import NOBODY
from fairseq_cmlm.options import declared, flag_of, name_of
from fairseq_cmlm.plugin.judges import LoadedJudges
from fairseq_cmlm.plugin.task import TranslationCMLMTask

# Field -> a value that is not its default.
VALUES: dict[str, Any] = {
    "preset": "fast",
    "strategy": "without_remasking",
    "iterations": 4,
    "mask_schedule": "cosine",
    "length_beam": 3,
    "length_prior": 0.0,
    "choose_by": "consensus+confidence:0.3",
    "rescore_with": __file__,
    "plan_by": "pseudo_likelihood",
    "plan_with": __file__,
    "search_with": __file__,
    "verify_with": __file__,
    "length_scale": 1.5,
    "gold_target_length": True,
    "length_budget": 7,
    "original": True,
    "dtype": "bfloat16",
    "capture_passes": True,
    "halve_candidates": 2,
    "iterations_per_token": 0.5,
    "stop_unchanged": 3,
    "confidence_threshold": 0.7,
    "stop_entropy": 0.2,
    "entropy_bound": 0.5,
    "edit_threshold": 0.6,
    "desmooth": 0.1,
    "order": "margin",
    "eta": 0.5,
    "block_length": 8,
    "temperature": 0.7,
    "top_p": 0.9,
    "seed": 3,
}
# Field -> what must be given beside it for it to act.
BESIDE: dict[str, dict[str, Any]] = {
    "stop_entropy": {"stop_unchanged": 1},
    "edit_threshold": {"strategy": "edit"},
    "desmooth": {"confidence_threshold": 0.7},
    "eta": {"strategy": "path_planning"},
    "seed": {"top_p": 0.9},
}
FIELDS = [one for one in declared(Decoding)]
FLAGS = {one.name: flag_of(one) for one in FIELDS}


def setting(one: Any) -> dict[str, Any]:
    """What sets a field, and lets it act."""
    return {**BESIDE.get(one.name, {}), one.name: VALUES[one.name]}


def test_every_field_has_a_value_here() -> None:
    assert list(VALUES) == [one.name for one in FIELDS]
    for one in FIELDS:
        assert VALUES[one.name] != one.default


@pytest.fixture(autouse=True)
def nobody_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of --rescore-with and the like are no checkpoints here."""
    monkeypatch.setattr(LoadedJudges, "of", lambda *_: NOBODY)


@pytest.fixture(scope="module")
def task(data: Path) -> TranslationCMLMTask:
    return load_task(data)


@pytest.mark.parametrize("one", FIELDS, ids=lambda one: one.name)
def test_on_the_command_line(one: Any, data: Path) -> None:
    given = [f"{FLAGS[name]}={value}" if value is not True else FLAGS[name] for name, value in setting(one).items()]
    words = [str(data), *PLUGIN, "-s", "src", "-t", "tgt", "--path", __file__, *given]
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_generation_parser(), words))
    generator = TranslationCMLMTask.setup_task(cfg.task).build_generator([], cfg.generation)
    assert generator.decoding == Decoding.of(**setting(one))


@pytest.mark.parametrize("one", FIELDS, ids=lambda one: one.name)
def test_in_eval_bleu_args(one: Any, task: TranslationCMLMTask) -> None:
    names = {each.name: name_of(each) for each in FIELDS}
    generator = task.build_generator([], Namespace(**{names[name]: value for name, value in setting(one).items()}))
    assert generator.decoding == Decoding.of(**setting(one))


@pytest.mark.parametrize("one", FIELDS, ids=lambda one: one.name)
def test_from_python(one: Any, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Decoding] = []

    def generator(self: Any, models: Any, decoding: Decoding, **others: Any) -> None:
        seen.append(decoding)

    monkeypatch.setattr(TranslationCMLMTask, "generator", generator)
    Translator(checkpoint).translate([], **setting(one))
    assert seen == [Decoding.of(**setting(one))]
