"""Text classification: the label of a text is a target of a few words, `positive` or `The review is positive .`"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.format import Format, Part
from fairseq_cmlm.formats.lengths import length_group
from fairseq_cmlm.formats.records import read_table

LABELS = "labels.tsv"
_COLUMNS, _LABEL_COLUMNS = ("sentence", "label"), ("label", "target")
_EDGES = (10, 20, 30, 40, 60)


def example(text: str, labels: Sequence[str]) -> Example:
    """Return the example of a text with one of some `labels`, which are the targets of the training."""
    return Example(" ".join(text.split()), details={"labels": [*labels]})


def read(part: Part) -> Iterator[Example]:
    """Yield the examples of a split; raise a TextError for a label that labels.tsv and the training text lack."""
    records = list(read_table(part.file("tsv"), _COLUMNS))
    targets = _targets(part.folder)
    for record in records:
        label = record.fields["label"]
        if label not in targets:
            raise TextError(f"{record.place} has the label '{label}', which is none of {', '.join(targets)}")
        made = example(record.fields["sentence"], list(targets.values()))
        yield Example(made.source, (targets[label],), details=made.details)


def _targets(folder: Path) -> dict[str, str]:
    """Return label -> target: as in labels.tsv, or the label itself."""
    if (folder / LABELS).is_file():
        found: dict[str, str] = {}
        for record in read_table(folder / LABELS, _LABEL_COLUMNS):
            label, target = (record.fields[name] for name in _LABEL_COLUMNS)
            if label in found or target in found.values():
                raise TextError(f"{record.place} has the label '{label}' or the target '{target}' for the second time")
            found[label] = target
    else:
        file = folder / "train.tsv"
        found = {label: label for label in sorted({one.fields["label"] for one in read_table(file, _COLUMNS)})}
    if len(found) < 2:
        raise TextError(f"{folder} has less than two labels: {', '.join(found)}")
    return found


CLASSIFICATION = Format(
    title="texts, each with one of a few labels",
    files="{split}.tsv (sentence<TAB>label, which its first line says), perhaps labels.tsv (label<TAB>target)",
    read=read,
    example=example,
    measures=("accuracy", "macro_f1", "calibration_error", "calibrated_error", "temperature"),
    groups={"length of the text": lambda example: length_group(example.source, _EDGES)},
)
