"""Loading models with their task from files, for use from Python without fairseq's commands."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import torch
from fairseq import checkpoint_utils, tasks, utils
from fairseq.data import data_utils
from omegaconf import open_dict

from fairseq_cmlm.checkpoints.reading import refuse_folder
from fairseq_cmlm.errors import CheckpointError, OptionError
from fairseq_cmlm.files import FilePath
from fairseq_cmlm.plugin.data_folder import refuse_swapped
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.prepared_text import NONE
from fairseq_cmlm.plugin.task import TranslationCMLMTask


def load_models(
    paths: list[Path],
    data: Optional[FilePath],
    source: Optional[str],
    target: Optional[str],
    text_pipeline: Optional[FilePath] = None,
) -> tuple[TranslationCMLMTask, list[CMLMModel]]:
    """Return the task of the first checkpoint, with its dictionaries from `data`, and the models of all.

    text_pipeline  as --text-pipeline: a file, "none", or None for that of the checkpoints
    """
    if not paths:
        raise CheckpointError("no checkpoint is given")
    for path in paths:
        refuse_folder(path)
        if not path.is_file():
            raise CheckpointError(f"there is no checkpoint {path}")
    if text_pipeline not in (None, NONE) and not Path(text_pipeline).is_file():
        raise OptionError(f"text_pipeline {text_pipeline}: there is no such file")
    first = checkpoint_utils.load_checkpoint_to_cpu(str(paths[0]))
    cfg = first["cfg"].task if first.get("cfg") else None
    if cfg is None or cfg._name != "translation_cmlm":
        raise CheckpointError(f"{paths[0]} is no checkpoint of --task translation_cmlm")
    refuse_swapped((cfg.source_lang, cfg.target_lang), (source, target))
    folders = [Path(data)] if data else [paths[0].parent, Path(utils.split_paths(cfg.data)[0])]
    folder, languages = _dictionaries(folders, source or cfg.source_lang, target or cfg.target_lang)
    with open_dict(cfg):
        cfg.update(data=str(folder), source_lang=languages[0], target_lang=languages[1], eval_bleu=False)
        cfg.update(text_pipeline=text_pipeline and str(text_pipeline))
    task = tasks.setup_task(cfg, from_checkpoint=True)
    load = checkpoint_utils.load_model_ensemble
    names = [str(path) for path in paths]
    return task, load(names[:1], task=task, state=first)[0] + load(names[1:], task=task)[0]


def _dictionaries(folders: list[Path], source: Optional[str], target: Optional[str]) -> tuple[Path, tuple[str, str]]:
    """Return the first of `folders` that holds the dictionaries of both languages, and the languages.

    An unknown language is taken from the names of the files that fairseq-preprocess wrote there.
    """
    for folder in filter(Path.is_dir, folders):
        pair = data_utils.infer_language_pair(str(folder))
        languages = (source or pair[0], target or pair[1])
        if all((folder / f"dict.{language}.txt").is_file() for language in languages):
            return folder, languages
    places = " nor in ".join(map(str, folders))
    if source and target:
        raise CheckpointError(
            f"dict.{source}.txt and dict.{target}.txt are not in {places}: give the folder that holds both as data"
        )
    raise CheckpointError(
        f"the checkpoint does not tell its languages, and data of fairseq-preprocess is not in {places}: give "
        "source_lang, target_lang, and as data the folder of their two dict.*.txt"
    )


def move(models: list[CMLMModel], device: str) -> torch.device:
    """Move the models to a device, in place."""
    try:
        for model in models:
            model.to(device)
        return torch.device(device)
    except (AssertionError, RuntimeError) as error:  # torch without CUDA raises an AssertionError
        raise OptionError(f"device {device} cannot be used: {error}") from None
