"""Confusion matrices as a picture, with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.files import write_files

ENDINGS = (".svg", ".png", ".pdf")


def check_picture(path: Path) -> None:
    """Raise an OptionError for a file that would be no picture by its name."""
    if path.suffix not in ENDINGS:
        raise OptionError(f"{path} is no picture: name it {', '.join(f'*{ending}' for ending in ENDINGS)}")


def draw_confusion(
    matrices: Mapping[str, Sequence[Sequence[int]]], labels: Sequence[str], path: Path, figure: Any
) -> None:
    """Draw the counts of each system side by side: the right label is the row, the answer the column.

    Colours are shares of a row, so that a rare label is seen as well as a frequent one. `figure` is matplotlib's class.
    """
    check_picture(path)
    side = max(3.0, 0.8 * len(labels) + 1.5)
    whole = figure(figsize=(side * len(matrices), side), layout="constrained")
    for axes, (name, counts) in zip(whole.subplots(1, len(matrices), squeeze=False)[0], matrices.items()):
        _draw(counts, labels, name, axes)
    write_files({path: lambda file: whole.savefig(file, format=path.suffix[1:], dpi=120)}, replace=True)


def _draw(counts: Sequence[Sequence[int]], labels: Sequence[str], name: str, axes: Any) -> None:
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            colour = "white" if shares[i][j] > 0.5 else "black"
            axes.text(j, i, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("right label")
    axes.set_title(name)
