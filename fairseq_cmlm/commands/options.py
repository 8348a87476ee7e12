"""`fairseq-cmlm options`: what fairseq's own --help cannot show of a plugin."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.model.options import ModelOptions
from fairseq_cmlm.options import declared, flag_of, shown
from fairseq_cmlm.plugin.model import ARCHITECTURES
from fairseq_cmlm.plugin.task import TranslationCMLMConfig
from fairseq_cmlm.plugin.training_dtype import TrainingDtypeConfig
from fairseq_cmlm.render.markdown import markdown_table
from fairseq_cmlm.training.options import Training

_HEAD = """\
# Options

What this package adds to fairseq's own options, as `fairseq-cmlm options` prints it: fairseq's `--help` cannot show the
options of a plugin."""
_DECODING = """\
## Decoding: `--task translation_cmlm`

For `fairseq-generate` and `fairseq-interactive`, and by the names in brackets for `Translator.translate`. They are not
taken from a checkpoint; in training they matter for `--eval-bleu` alone, and `--eval-bleu-args
'{"decoding_iterations": 4}'` sets them for it only. An option that is given wins over a preset."""
_TRAINING = """\
## Training: `--criterion cmlm_loss`"""
_MODEL = """\
## Model: `--arch cmlm_base`, `cmlm_small`, `cmlm_tiny`"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add no options: the command has none."""


def run(options: argparse.Namespace) -> str:
    """Return the tables of all declared options, as Markdown."""
    return "\n\n".join(
        [
            _HEAD,
            _DECODING,
            _table(Decoding, names=True, more=[_of_task("infill"), _of_task("text_pipeline")]),
            _presets(),
            _TRAINING,
            _table(Training, more=[_training_dtype()]),
            _MODEL,
            _architectures(),
        ]
    )


def _table(declaration: type, more: list[list[str]], names: bool = False) -> str:
    rows = [
        [f"`{flag_of(one)}`" + (f" (`{one.name}`)" if names else ""), _default(one), _meaning(one)]
        for one in declared(declaration)
    ]
    return markdown_table(["option", "default", "meaning"], [*rows, *more])


def _default(one: Any) -> str:
    return "off" if one.default is None or one.default is False else f"`{shown(one.default)}`"


def _meaning(one: Any) -> str:
    choices = one.metadata["choices"]
    known = choices is None or all(f"`{choice}`" in one.metadata["help"] for choice in choices)
    return str(one.metadata["help"]) + ("" if known else f"; one of {', '.join(f'`{choice}`' for choice in choices)}")


def _presets() -> str:
    flags = {one.name: flag_of(one) for one in declared(Decoding)}
    rows = [
        [f"`{name}`", " ".join(f"`{flags[key]} {shown(value)}`" for key, value in values.items()) or "the defaults"]
        for name, values in PRESETS.items()
    ]
    return markdown_table(["preset", "sets"], rows)


def _of_task(name: str) -> list[str]:
    return [f"`--{name.replace('_', '-')}`", "off", _help_of(TranslationCMLMConfig, name)]


def _training_dtype() -> list[str]:
    return ["`--training-dtype`", "`float32`", _help_of(TrainingDtypeConfig, "training_dtype")]


def _help_of(config: type, name: str) -> str:
    return next(str(one.metadata["help"]) for one in fields(config) if one.name == name)


def _architectures() -> str:
    others = [name for name in ARCHITECTURES if ARCHITECTURES[name]]
    rows = []
    for one in declared(ModelOptions):
        sizes = [ARCHITECTURES[name].get(one.name) for name in others]
        cells = [_default(one) if size is None else f"`{shown(size)}`" for size in sizes]
        rows.append([f"`{flag_of(one)}`", _default(one), *cells, _meaning(one)])
    return markdown_table(["option", "cmlm_base", *others, "meaning"], rows)
