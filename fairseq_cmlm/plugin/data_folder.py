"""Checks of the data folder of fairseq-preprocess, before fairseq reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from fairseq import utils
from fairseq.data import data_utils
from omegaconf import OmegaConf, open_dict

from fairseq_cmlm.errors import OptionError, TextError

Languages = tuple[Optional[str], Optional[str]]


def check_data_folder(cfg: Any) -> None:
    """Raise a TextError unless the folders of `cfg.data` exist and the first has the dictionaries of both languages.

    Languages that are not given are taken from the file names.
    """
    folders = utils.split_paths(cfg.data or "")
    for folder in folders:
        if not Path(folder).is_dir():
            raise TextError(f"there is no data folder '{folder}': give the --destdir of fairseq-preprocess")
    found: Languages = data_utils.infer_language_pair(folders[0])
    languages = (cfg.source_lang or found[0], cfg.target_lang or found[1])
    if None in languages:
        raise TextError(
            f"the files in {folders[0]} do not tell the languages: give -s and -t, and the --destdir of "
            "fairseq-preprocess"
        )
    for flag, language in zip(("-s", "-t"), languages):
        if not Path(folders[0], f"dict.{language}.txt").is_file():
            there = ", ".join(sorted(path.name for path in Path(folders[0]).glob("dict.*.txt"))) or "no dictionary"
            raise TextError(
                f"{folders[0]} has no dict.{language}.txt ({flag} {language}), but {there}: correct {flag}, or give "
                "the --destdir of fairseq-preprocess (after --only-source, copy the other dictionary there)"
            )


def keep_languages(cfg: Any, source: str, target: str) -> None:
    """Write the languages of a training into its configuration, whose part `cfg` is, and so into its checkpoints.

    fairseq-train without -s and -t takes them from the file names and keeps nothing.
    """
    whole = _whole(cfg)
    if whole is not None and "task" in whole:
        with open_dict(whole.task):
            whole.task.update(source_lang=source, target_lang=target)


def trained_languages(cfg: Any) -> Languages:
    """Return the languages in the configuration `cfg` of a checkpoint; None where it does not tell them."""
    whole = _whole(cfg)
    if whole is None:
        return None, None
    return OmegaConf.select(whole, "task.source_lang"), OmegaConf.select(whole, "task.target_lang")


def _whole(cfg: Any) -> Any:
    """Return the configuration of which `cfg` is a part; None if it is none."""
    return cfg._get_parent() if OmegaConf.is_config(cfg) else None


def refuse_swapped(trained: Languages, asked: Languages) -> None:
    """Raise an OptionError if a language that is `asked` for is the other one of those that a model was `trained` on.

    With a joined dictionary nothing else would fail, and the output would be nonsense.
    """
    source, target = trained
    if source != target and None not in trained and (asked[0] == target or asked[1] == source):
        words = " ".join(f"{flag} {name}" for flag, name in zip(("-s", "-t"), asked) if name)
        raise OptionError(
            f"{words}: the model was trained to translate from {source} to {target}: give -s {source} -t {target}, or "
            "the model of the other direction"
        )
