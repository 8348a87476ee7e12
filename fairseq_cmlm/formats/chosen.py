"""Answers chosen among possible ones, and their output in the form of fairseq-generate's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence

from fairseq_cmlm.generated import SIGNATURE, TEMPERATURE, TEXT_SIGNATURE


class Chosen(NamedTuple):
    """The answers to examples, the scores of all labels if they are labels, and the number of sources that were cut.

    Scores are in natural log, up to a constant for each example.
    """

    texts: Sequence[str]
    label_scores: Optional[Sequence[Sequence[float]]] = None
    cut: int = 0


@dataclass(frozen=True)
class Answering:
    """The origin of chosen answers: signatures of the way and of the model's text, the cost, the fitted temperature."""

    way: str
    seconds: float
    passes: Optional[float] = None
    temperature: Optional[float] = None
    text: str = ""


def as_generated(chosen: Chosen, made: Answering, sources: Sequence[str]) -> str:
    r"""Return lines that `fairseq-cmlm score --examples` reads; the sources tell it which examples were answered.

    >>> lines = as_generated(Chosen(["a"], [[0.0, -2.5]]), Answering("labels", 0.25, passes=1), ["b"]).split("\n")
    >>> lines[0], lines[1], lines[4].split("\t")
    ('# decoding labels', 'S-0\tb', ['L-0', '0.0000 -2.5000'])
    >>> lines[5]
    'Translated 1 sentences (0 tokens) in 0.2s (4.00 sentences/s); 1.0 passes a sentence'
    """
    lines = [f"{SIGNATURE}{made.way}{f'|cut:{chosen.cut} of {len(chosen.texts)}' if chosen.cut else ''}"]
    lines += [f"{TEXT_SIGNATURE}{made.text}"] if made.text else []
    lines += [] if made.temperature is None else [f"{TEMPERATURE}{made.temperature:.4f}"]
    for number, (text, source) in enumerate(zip(chosen.texts, sources)):
        lines.append(f"S-{number}\t{source}")
        lines += [f"{kind}-{number}\t0\t{text}" for kind in "HD"]
        if chosen.label_scores is not None:
            lines.append(f"L-{number}\t{' '.join(f'{score:.4f}' for score in chosen.label_scores[number])}")
    rate = len(chosen.texts) / max(made.seconds, 1e-9)
    passes = "" if made.passes is None else f"; {made.passes:.1f} passes a sentence"
    lines.append(
        f"Translated {len(chosen.texts)} sentences (0 tokens) in {made.seconds:.1f}s ({rate:.2f} sentences/s){passes}"
    )
    return "\n".join(lines)
