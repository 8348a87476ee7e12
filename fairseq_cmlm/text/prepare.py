"""`fairseq-cmlm prepare`: raw parallel text becomes what fairseq-train reads, with its text pipeline beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Callable

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.files import write_text
from fairseq_cmlm.text.learn import learn_bpe, learn_sentencepiece
from fairseq_cmlm.text.packages import imported
from fairseq_cmlm.text.parallel import split_file, tokenise_files
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import FILE_NAME, read_pipeline, write_pipeline
from fairseq_cmlm.text.preparation import Preparation, check, record, settings_of_data, splits_of

# What fairseq-preprocess logs about words that are not in the dictionary.
_UNKNOWN = re.compile(r"\[[^][]+\] .*% replaced")


def prepare(wanted: Preparation) -> list[str]:
    """Prepare all splits; return lines that say what was read and written.

    Each part is written whole or not at all. A part that was made with the same options of the same text is kept.
    """
    splits = splits_of(wanted)
    if wanted.kind == "sentencepiece":
        imported("sentencepiece", "--sentencepiece")  # fail now, not after everything has been tokenised
    check(wanted, splits)
    for split in splits:
        _make_tokens(wanted, split)
    file = wanted.work / FILE_NAME
    learned_from = [wanted.work / "tokens" / "train"] if "train" in splits else []
    _make(wanted, file, learned_from, partial(_learn, wanted))
    wanted = replace(wanted, pipeline=read_pipeline(file))
    parts = [path for split in splits for path in _split(wanted, split, file)] + wanted.given_dictionaries
    again = not _has_its_pipeline(wanted, wanted.binarised)
    _make(wanted, wanted.binarised, parts, partial(_binarise, wanted, splits), again=again)
    return wanted.report


def _make_tokens(wanted: Preparation, split: str) -> None:
    """Tokenise a split, again if its files are others than last time: a copy may be older than what was made of it."""
    inputs = [wanted.text / f"{split}.{language}" for language in wanted.languages]
    states = [path.stat() for path in inputs]
    found = json.dumps([[state.st_size, state.st_mtime_ns] for state in states])
    made_from = wanted.work / "tokens" / f"{split}.made-from"
    others = made_from.is_file() and made_from.read_text("utf-8") != found  # an earlier version did not keep it
    _make(wanted, wanted.work / "tokens" / split, inputs, partial(_tokenise, wanted, split), again=others)
    write_text(made_from, found)


def _has_its_pipeline(wanted: Preparation, data: Path) -> bool:
    """Return whether a folder holds text that was prepared as this one: one that was named may hold anything."""
    files = [data / FILE_NAME, *(data / f"dict.{name}.txt" for name in wanted.languages)]
    return all(file.is_file() for file in files) and files[0].read_bytes() == (wanted.work / FILE_NAME).read_bytes()


def _split(wanted: Preparation, split: str, file: Path) -> list[Path]:
    """Split both sides of a split into subwords by the pipeline in `file`; return the files written."""
    outputs = wanted.files("bpe", split)
    sides = wanted.pipeline.sides.values()
    for side, words, output in zip(sides, wanted.files("tokens", split, "/"), outputs):
        work = partial(split_file, words, side=side, workers=wanted.workers)
        _make(wanted, output, [file, words.parent], work)
    return outputs


def _make(
    wanted: Preparation, result: Path, inputs: list[Path], write: Callable[[Path], object], again: bool = False
) -> None:
    """Have `write` make a file or folder under a temporary name, unless it exists and is no older than its inputs.

    again  make it anew in any case
    """
    if not again and result.exists() and all(result.stat().st_mtime >= path.stat().st_mtime for path in inputs):
        return
    _refuse_foreign(wanted, result)
    result = result.absolute()
    part = result.with_name(f"{result.name}.{os.getpid()}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        told = write(part)
        if result.is_dir():
            shutil.rmtree(result)
        os.replace(part, result)
    except OSError as error:
        raise OptionError(f"{result} cannot be written: {error}") from None
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        if part.exists():
            part.unlink()
    wanted.report.append(f"wrote   {result}{f': {told}' if told else ''}")


def _refuse_foreign(wanted: Preparation, folder: Path) -> None:
    """Raise an OptionError for a folder that would be replaced and holds no text prepared in these languages."""
    first, second = map(re.escape, wanted.languages)
    side, pair = f"({first}|{second})", f"({first}-{second}|{second}-{first})"
    prepared = re.compile(
        rf"{side}|dict\.{side}\.txt|.+\.{pair}\.{side}\.(bin|idx)|preprocess\.log|(text|prepared)\.json"
    )
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() or not prepared.fullmatch(path.name):
            raise OptionError(
                f"{folder} would be written anew and holds {path.name}, which is no prepared text: name another "
                "folder, or move that away"
            )


def _tokenise(wanted: Preparation, split: str, folder: Path) -> str:
    folder.mkdir()
    first, second = wanted.languages
    texts = wanted.text / f"{split}.{first}", wanted.text / f"{split}.{second}"
    limits = wanted.limits if split == "train" else None  # no line of a test set is left out
    return tokenise_files(texts, (folder / first, folder / second), wanted.pipeline.ends, limits, wanted.workers)


def _learn(wanted: Preparation, path: Path) -> str:
    """Learn the subwords that were not given from the training text, and write the complete pipeline."""
    if wanted.kind is None:
        write_pipeline(path, wanted.pipeline)
        return wanted.pipeline.signature
    if not wanted.files("tokens", "train", "/")[0].is_file():
        raise TextError(f"{wanted.text} has no training text to learn subwords from: give --text-pipeline or the codes")
    groups = [wanted.languages] if wanted.joint else [[language] for language in wanted.languages]
    sides = dict(wanted.pipeline.sides)
    for languages in groups:
        files = [wanted.work / "tokens" / "train" / language for language in languages]
        sentencepiece = wanted.kind == "sentencepiece"
        model = learn_sentencepiece(files, wanted.size, languages) if sentencepiece else learn_bpe(files, wanted.size)
        sides.update((language, replace(sides[language], subwords=model)) for language in languages)
    learned = TextPipeline(sides)
    write_pipeline(path, learned)
    return learned.signature


def _binarise(wanted: Preparation, splits: list[str], folder: Path) -> str:
    """Binarise the splits into `folder` with fairseq-preprocess, and put the pipeline beside the dictionaries."""
    source, target = wanted.languages
    words = [
        "--source-lang",
        source,
        "--target-lang",
        target,
        "--workers",
        str(wanted.workers),
        "--destdir",
        str(folder),
    ]
    if wanted.dictionaries:
        words += ["--srcdict", str(wanted.dictionaries / f"dict.{source}.txt")]
        words += ["--tgtdict", str(wanted.dictionaries / f"dict.{target}.txt")]
    else:
        words += ["--nwordssrc", str(wanted.words), "--nwordstgt", str(wanted.words)]
        words += ["--joined-dictionary"] * wanted.joint
    for split in splits:
        words += [f"--{split}pref", str(wanted.work / "bpe" / split)]
    done = subprocess.run([sys.executable, "-m", "fairseq_cli.preprocess", *words], capture_output=True, text=True)
    log = wanted.work / "preprocess.log"
    write_text(log, done.stdout + done.stderr)
    if done.returncode:
        last = (done.stderr.strip() or "no word").rpartition("\n")[2]
        raise TextError(f"fairseq-preprocess failed ({last}): see {log}")
    write_pipeline(folder / FILE_NAME, wanted.pipeline)
    record(folder, settings_of_data(wanted))
    return "; ".join(_UNKNOWN.findall(done.stderr))
