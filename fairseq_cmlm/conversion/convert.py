"""`fairseq-cmlm convert`: turn a checkpoint of the released code and its dictionaries into what fairseq reads."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import IO, Any, Optional, Sequence

import torch

from fairseq_cmlm.conversion.dictionary_text import read_dictionary
from fairseq_cmlm.conversion.fairseq_checkpoint import checkpoint, configuration
from fairseq_cmlm.conversion.fitting import check_fit
from fairseq_cmlm.conversion.parameters import convert_parameters
from fairseq_cmlm.conversion.released import ReleasedModel, read_model
from fairseq_cmlm.conversion.safe_reading import read_original
from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.files import write_files
from fairseq_cmlm.plugin.task import TranslationCMLMTask
from fairseq_cmlm.text.pipeline_file import read_pipeline


def convert(
    path: Path,
    dictionaries: Path,
    output: Path,
    source_lang: Optional[str] = None,
    target_lang: Optional[str] = None,
    text_pipeline: Optional[Path] = None,
) -> list[str]:
    """Write OUTPUT/model.pt and OUTPUT/dict.*.txt from the checkpoint `path` and the dict.*.txt in `dictionaries`.

    source_lang, target_lang  default to the languages of the checkpoint
    text_pipeline             text.json that says how the text of the model was prepared

    Return lines that say what was read and written. If something does not fit, raise a CheckpointError and write
    nothing. --left-pad-source is ignored, as in the released code: padding on either side gives the same result.
    """
    state = read_original(path)
    languages = _languages(state["args"], source_lang, target_lang)
    text = read_pipeline(text_pipeline).between(*languages) if text_pipeline else None
    released = read_model(state["args"], state["model"])
    words = [read_dictionary(dictionaries / f"dict.{language}.txt") for language in languages]
    check_fit(released, state["model"], words)

    cfg = configuration(released, languages, output)
    task = TranslationCMLMTask(cfg.task, *(one.dictionary() for one in words))
    task.text = text
    model = task.build_model(cfg.model)
    parameters = convert_parameters(state["model"], cfg.task.max_target_positions)
    model.load_state_dict({**parameters, "dictionary_version": model.dictionary_version})
    names = [output / "model.pt", *(output / f"dict.{language}.txt" for language in languages)]
    contents = [
        partial(torch.save, checkpoint(model, cfg, task.state_dict())),
        *(partial(_write_text, one.text) for one in words),
    ]
    write_files(dict(zip(names, contents)))
    return [
        f"read    {path}: {_description(released, state, languages)}",
        f"wrote   {names[0]}: {sum(value.numel() for value in model.parameters())} parameters, float32",
        *(f"wrote   {name}: {one.words} words" for name, one in zip(names[1:], words)),
    ]


def _languages(args: Namespace, source: Optional[str], target: Optional[str]) -> tuple[str, str]:
    source, target = source or getattr(args, "source_lang", None), target or getattr(args, "target_lang", None)
    if not source or not target:
        raise CheckpointError("the checkpoint does not tell its languages: give --source-lang and --target-lang")
    for language in (source, target):
        if Path(language).name != language:
            raise CheckpointError(f"the language {language} is no part of a file's name")
    return source, target


def _write_text(text: str, file: IO[bytes]) -> None:
    file.write(text.encode("utf-8"))


def _description(released: ReleasedModel, state: dict[str, Any], languages: Sequence[str]) -> str:
    """Describe what was read in one line."""
    encoder, decoder = released.encoder, released.decoder
    kinds = sorted({str(value.dtype).removeprefix("torch.") for value in state["model"].values()})
    history = state.get("optimizer_history") or [{}]
    parts = [
        "-".join(languages),
        f"{encoder.layers}+{decoder.layers} layers",
        f"d={encoder.embed_dim}",
        f"{'pre' if encoder.normalize_before else 'post'}-norm",
        " and ".join(kinds),
        f"{history[-1].get('num_updates', 'unknown')} updates",
        f"optimizer state {'not kept' if 'last_optimizer_state' in state else 'none'}",
    ]
    return ", ".join(parts)
