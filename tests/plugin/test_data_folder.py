from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.plugin.data_folder import check_data_folder, keep_languages, refuse_swapped, trained_languages


def folder(path: Path, *files: str) -> Path:
    path.mkdir()
    for name in files:
        (path / name).write_text("")
    return path


@pytest.mark.parametrize(
    ("files", "languages", "message"),
    [
        (["dict.de.txt", "dict.en.txt"], ("de", "en"), None),
        (["dict.de.txt", "dict.en.txt", "train.de-en.de.idx"], (None, None), None),
        (["dict.de.txt", "dict.en.txt"], (None, None), "do not tell the languages: give -s and -t"),
        (["dict.de.txt"], ("de", "en"), r"has no dict\.en\.txt \(-t en\), but dict\.de\.txt: correct -t"),
        (["dict.de.txt"], ("src", "de"), r"has no dict\.src\.txt \(-s src\), but dict\.de\.txt: correct -s"),
        ([], ("de", "en"), r"has no dict\.de\.txt \(-s de\), but no dictionary"),
    ],
)
def test_a_folder_is_checked(
    tmp_path: Path, files: list[str], languages: tuple[str | None, str | None], message: str | None
) -> None:
    cfg = Namespace(data=str(folder(tmp_path / "data", *files)), source_lang=languages[0], target_lang=languages[1])
    if message is None:
        check_data_folder(cfg)
    else:
        with pytest.raises(TextError, match=message):
            check_data_folder(cfg)


@pytest.mark.parametrize("second", [False, True])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, second: bool) -> None:
    first = folder(tmp_path / "data", "dict.de.txt", "dict.en.txt")
    data = f"{first}:{tmp_path / 'nowhere'}" if second else str(tmp_path / "nowhere")
    with pytest.raises(TextError, match=r"there is no data folder '.*nowhere'"):
        check_data_folder(Namespace(data=data, source_lang="de", target_lang="en"))


def test_the_languages_are_those_of_the_checkpoint_around_the_model() -> None:
    whole = OmegaConf.create({"task": {"source_lang": "en", "target_lang": "de"}, "model": {"a": 1}})
    assert trained_languages(whole.model) == ("en", "de")
    for alone in (OmegaConf.create({"a": 1}), Namespace(a=1), OmegaConf.create({"task": {}, "model": {"a": 1}}).model):
        assert trained_languages(alone) == (None, None)


@pytest.mark.parametrize(
    ("trained", "asked", "refused"),
    [
        (("en", "de"), ("de", "en"), True),
        (("en", "de"), ("en", "de"), False),
        (("en", "de"), ("en", "fr"), False),
        (("en", "de"), (None, None), False),
        (("en", "de"), ("fr", "de"), False),
        (("en", "en"), ("en", "en"), False),
        ((None, None), ("de", "en"), False),
        ((None, None), (None, None), False),
    ],
)
def test_the_other_direction_is_refused(
    trained: tuple[str | None, str | None], asked: tuple[str | None, str | None], refused: bool
) -> None:
    if not refused:
        return refuse_swapped(trained, asked)
    with pytest.raises(OptionError, match="-s de -t en: the model was trained to translate from en to de"):
        refuse_swapped(trained, asked)


def test_languages_are_kept_in_the_configuration_of_a_training() -> None:
    whole = OmegaConf.create({"task": {"source_lang": None, "target_lang": None}, "model": {"_name": "cmlm"}})
    assert trained_languages(whole.model) == (None, None)
    keep_languages(whole.model, "en", "de")
    assert trained_languages(whole.model) == ("en", "de")
    keep_languages(OmegaConf.create({"_name": "cmlm"}), "en", "de")  # a model that is built outside of fairseq-train
