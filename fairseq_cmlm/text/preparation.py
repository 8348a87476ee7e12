"""The arguments of `fairseq-cmlm prepare`, and whether they fit what was prepared before."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.files import write_text
from fairseq_cmlm.text.parallel import Limits
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import FILE_NAME

SPLITS = ("train", "valid", "test")
_SETTINGS = "prepared.json"  # in WORK, and in the folder of the binarised text what concerns that alone


@dataclass(frozen=True)
class Preparation:
    """The arguments of `prepare`, from the options of the command.

    text          folder of {train,valid,test}.LANGUAGE, raw
    work          folder that receives tokens/, bpe/, text.json and data/
    pipeline      how text is prepared; missing subword models are learned from the training text
    limits        of the training pairs that are kept
    kind, size    what is learned: subword-nmt and merges, or sentencepiece and pieces; None if nothing is
    joint         both languages have the same subwords and dictionary
    data          folder for the binarised text, if not work/data
    words         in a dictionary, at most; -1 for all
    dictionaries  folder of the dict.*.txt of a trained model, instead of new ones
    """

    text: Path
    work: Path
    pipeline: TextPipeline
    limits: Limits
    kind: Optional[str] = None
    size: int = 0
    joint: bool = True
    data: Optional[Path] = None
    words: int = -1
    dictionaries: Optional[Path] = None
    workers: int = 1
    report: list[str] = field(default_factory=list)

    @property
    def languages(self) -> list[str]:
        """Return the names of the source and target language."""
        return list(self.pipeline.sides)

    def files(self, folder: str, split: str, between: str = ".") -> list[Path]:
        """Return the files of both languages in one of the folders that are made."""
        return [self.work / folder / f"{split}{between}{language}" for language in self.languages]

    @property
    def binarised(self) -> Path:
        """Return the folder of the binarised text."""
        return self.data or self.work / "data"

    @property
    def given_dictionaries(self) -> list[Path]:
        """Return the files of the dictionaries that are not made but given."""
        folder = self.dictionaries
        return [folder / f"dict.{name}.txt" for name in self.languages] if folder else []


def splits_of(wanted: Preparation) -> list[str]:
    """Return the splits that have text; raise a TextError if there is none, or only one side of one."""
    splits = [split for split in SPLITS if _is_there(wanted, split)]
    if not splits:
        raise TextError(f"{wanted.text} holds no {' or '.join(f'train.{name}' for name in wanted.languages)}")
    return splits


def check(wanted: Preparation, splits: list[str]) -> None:
    """Raise an OptionError if that does not fit what is there; record the settings otherwise."""
    _check_dictionaries(wanted)
    _refuse_lost_splits(wanted, splits)
    _check_settings(wanted)


def _is_there(wanted: Preparation, split: str) -> bool:
    """Return whether a split has text; raise a TextError if only one side of it is there."""
    missing = [file for file in (wanted.text / f"{split}.{name}" for name in wanted.languages) if not file.is_file()]
    if len(missing) == 1:
        raise TextError(f"{missing[0]} is missing, and the other side is there")
    return not missing


def _check_dictionaries(wanted: Preparation) -> None:
    """Raise an OptionError if the folder of --dictionaries lacks one of the two."""
    for file in wanted.given_dictionaries:
        if not file.is_file():
            raise OptionError(
                f"--dictionaries {wanted.dictionaries}: {file} is missing; name the data folder of the trained model"
            )


def _refuse_lost_splits(wanted: Preparation, splits: list[str]) -> None:
    """Raise an OptionError if the binarised text has splits that would be lost, because there is no text of them."""
    for split in SPLITS:
        if split not in splits and any(wanted.binarised.glob(f"{split}.*.idx")):
            raise OptionError(
                f"{wanted.binarised} holds {split}, which {wanted.text} has not: give the whole text, or name another "
                "--destdir"
            )


def _check_settings(wanted: Preparation) -> None:
    """Raise an OptionError if the folder was prepared with other options; record these otherwise."""
    settings = {
        "languages": wanted.languages,
        "text": wanted.pipeline.signature,
        "subwords": f"{wanted.kind} {wanted.size}" if wanted.kind else "given",
        "joint": wanted.joint,
        "limits": list(wanted.limits),
    }
    # What nothing has been made with yet may still change.
    free = set() if (wanted.work / FILE_NAME).exists() else {"subwords", "joint"}
    _refuse_others(wanted.work, {name: value for name, value in settings.items() if name not in free})
    _refuse_others(wanted.binarised, settings_of_data(wanted))
    record(wanted.work, settings)


def settings_of_data(wanted: Preparation) -> dict[str, Any]:
    """Return the settings of the binarised text alone, of which a WORK may have several."""
    return {"dictionary": str(wanted.dictionaries.resolve() if wanted.dictionaries else wanted.words)}


def _refuse_others(folder: Path, settings: dict[str, Any]) -> None:
    """Raise an OptionError if a folder was prepared with others than these settings."""
    kept = _settings_in(folder / _SETTINGS)
    for name, value in settings.items():
        if kept.get(name, value) != value:
            raise OptionError(
                f"{folder} was prepared with other options ({name} {kept[name]}, and {value} is wanted): "
                "remove it, or name another folder"
            )


def record(folder: Path, settings: dict[str, Any]) -> None:
    """Write the settings with which a folder was prepared."""
    write_text(folder / _SETTINGS, json.dumps(settings, ensure_ascii=False) + "\n")


def _settings_in(path: Path) -> dict[str, Any]:
    """Return the settings that an earlier call has left, if any."""
    try:
        kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError:
        kept = None
    if not isinstance(kept, dict):
        raise TextError(f"{path} is damaged: remove it, and with it what was prepared")
    return kept
