"""`fairseq-cmlm format`: turn a publisher's records into parallel text and examples to measure answers against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Iterable, NamedTuple, Optional, Sequence

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.files import write_text
from fairseq_cmlm.formats.example import Example, examples_to_json
from fairseq_cmlm.formats.format import Pair, Part
from fairseq_cmlm.formats.infilling import sized
from fairseq_cmlm.formats.table import FORMATS
from fairseq_cmlm.text.pipeline import TextPipeline
from fairseq_cmlm.text.pipeline_file import read_pipeline

SPLITS = ("train", "valid", "test")
_ENDINGS = {"source", "target", "jsonl", "infill", "sized"}


def write_format(
    name: str,
    folder: Path,
    output: Path,
    seed: int,
    text_pipeline: Optional[Path] = None,
    longest: Optional[int] = None,
) -> list[str]:
    """Write the splits that `folder` has, as {split}.source, .target and .jsonl; return a line for each.

    The pairs of an example, as the format says, are lines of source and target. Examples with templates have lines
    SOURCE<TAB>TEMPLATE in {split}.infill too, for `fairseq-interactive --infill`, and with a `text_pipeline` in
    {split}.sized, with blanks of the tokens that are missing. Sources are cut after `longest` words.
    """
    splits = [split for split in SPLITS if any(folder.glob(f"{split}.*"))]
    if not splits:
        raise TextError(f"{folder} holds no text: it should have {FORMATS[name].files}, split train, valid or test")
    _check_output(output, folder)
    pipeline = read_pipeline(text_pipeline) if text_pipeline else None
    # All are read before any is written, so that an error leaves what an earlier call wrote as it was.
    texts = [_text_of(name, Part(folder, split, seed), pipeline, longest) for split in splits]
    if text_pipeline and not any("sized" in text.files for text in texts):
        raise OptionError(f"--text-pipeline {text_pipeline}: there is no template of the format {name}; leave it out")
    told = _remove_others(output, splits)
    for text in texts:
        _remove(output, text.split, _ENDINGS - text.files.keys())  # of an earlier call
        for ending, content in text.files.items():
            write_text(output / f"{text.split}.{ending}", content)
        told.append(f"wrote   {output / text.split}.{{{','.join(text.files)}}}: {text.counts}")
        told += [] if text.split == "train" or texts[0].split != "train" else _seen(text.pairs, texts[0].pairs)
    return told


def _check_output(output: Path, folder: Path) -> None:
    """Raise an OptionError where the records would be overwritten, or the output is a file."""
    if output.resolve() == folder.resolve():
        raise OptionError(f"the output {output} is the folder of the records: name another")
    if output.exists() and not output.is_dir():
        raise OptionError(f"the output {output} is a file: name a folder")


def _remove_others(output: Path, splits: Sequence[str]) -> list[str]:
    """Remove what an earlier call wrote of other splits, which no command would know to be old; tell of each."""
    others = [one for one in SPLITS if one not in splits and (output / f"{one}.jsonl").exists()]
    for split in others:
        _remove(output, split, _ENDINGS)
    return [f"removed {output / split}.*, of an earlier call: the records have no such split" for split in others]


def _remove(output: Path, split: str, endings: Iterable[str]) -> None:
    for ending in endings:
        (output / f"{split}.{ending}").unlink(missing_ok=True)


class _Text(NamedTuple):
    """The text of a split: its pairs, ending -> content of its files, and what is told of it."""

    split: str
    pairs: Sequence[Pair]
    files: dict[str, str]
    counts: str


def _text_of(name: str, part: Part, pipeline: Optional[TextPipeline], longest: Optional[int]) -> _Text:
    whole = list(FORMATS[name].read(part))
    if not whole:
        raise TextError(f"{part.folder} gives no example of the split '{part.split}'")
    examples = [cut(example, longest, FORMATS[name].uncut) for example in whole]
    pairs = [pair for example in examples for pair in FORMATS[name].pairs(example, part.split == "train")]
    files = _files(part.split, name, examples, pairs)
    if pipeline and "infill" in files:
        files["sized"] = _infill([sized(example, pipeline.target) for example in examples])
    number = sum(one is not other for one, other in zip(examples, whole))
    cuts = f", {number} sources cut after {longest} words" if longest else ""
    return _Text(part.split, pairs, files, f"{len(examples)} examples, {len(pairs)} pairs{cuts}")


def cut(example: Example, longest: Optional[int], uncut: Optional[str] = None) -> Example:
    """Cut the source of an example after `longest` words, if it has more; what is `uncut` is a TextError then.

    >>> cut(Example("a b c", ("x",)), 2).source
    'a b'
    """
    words = example.source.split(" ")
    if longest is None or len(words) <= longest:
        return example
    if uncut:
        raise TextError(f"{uncut} cannot be cut after {longest} words: leave --longest out, or shorten the texts")
    return replace(example, source=" ".join(words[:longest]))


def _seen(pairs: Sequence[Pair], trained: Sequence[Pair]) -> list[str]:
    """Return a line that says how many sources of a split are in the training text too, and how many with a target.

    No line if none is. Targets alone tell nothing: each label is in train.
    """
    texts, known = {source for source, _ in pairs}, {source for source, _ in trained}
    both = len(texts & known)
    alike = len(set(pairs) & set(trained))
    told = f"{both} of {len(texts)} sources, {alike} of {len(set(pairs))} pairs"
    return [f"        of these are in train too: {told}"] if both else []


def _files(split: str, name: str, examples: Sequence[Example], pairs: Sequence[Pair]) -> dict[str, str]:
    """Return ending -> content of the files of a split."""
    files = {side: "".join(f"{pair[i]}\n" for pair in pairs) for i, side in enumerate(("source", "target"))}
    files["jsonl"] = examples_to_json(name, examples)
    if split != "train" and all(example.template is not None for example in examples):
        files["infill"] = _infill(examples)
    return files


def _infill(examples: Sequence[Example]) -> str:
    return "".join(f"{example.source}\t{example.template}\n" for example in examples)
