"""The sentences to translate: their lengths, from a real text or a distribution fitted to one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

import numpy as np

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.experiments.parallel_text import read_sides
from fairseq_cmlm.experiments.sentences import LONGEST, Sentence


@dataclass(frozen=True)
class LengthDistribution:
    """Lengths in subwords: log(source) is normal, log(target) is linear in log(source) with normal noise.

    Fitted by least squares to the logarithms of both lengths of every pair.
    """

    source_mean: float
    source_deviation: float
    target_offset: float
    target_slope: float
    target_deviation: float
    origin: str

    def draw(self, number: int, random: np.random.Generator) -> list[tuple[int, int]]:
        """Draw `number` pairs (source, target), each from 1 to LONGEST."""
        source = random.normal(self.source_mean, self.source_deviation, number)
        target = self.target_offset + self.target_slope * source + random.normal(0, self.target_deviation, number)
        source, target = (np.exp(log).round().clip(1, LONGEST).astype(int) for log in (source, target))
        return list(zip(source.tolist(), target.tolist()))


# Texts tokenised with sacremoses, then split with one subword-nmt code for both languages. Beside each fit the means of
# the text and of what the fit draws, source and target.
DISTRIBUTIONS = {
    # text 15.5, 16.4; fit 15.5, 16.4
    "captions": LengthDistribution(
        2.684, 0.328, 0.150, 0.962, 0.184, "Multi30k English-German, 29,000 training pairs, 4,000 BPE merges"
    ),
    # text 26.4, 27.6; fit 26.5, 27.6
    "news": LengthDistribution(
        3.139, 0.532, 0.068, 0.989, 0.174, "newstest2014 English-German, 3,003 pairs, 32,000 BPE merges"
    ),
}


def random_words(lengths: Sequence[tuple[int, int]], words: int, random: np.random.Generator) -> list[Sentence]:
    """Draw sentences of the given lengths (source, target) in words drawn evenly from w0 ... w<words - 1>."""

    def draw(length: int) -> list[str]:
        return [f"w{number}" for number in random.integers(words, size=length)]

    return [Sentence(draw(source), draw(target)) for source, target in lengths]


def read_all(source: Path, target: Path) -> list[Sentence]:
    """Read two texts line by line, whitespace between subwords; empty and very long pairs are passed over."""
    texts = ([line.split() for line in side] for side in read_sides(source, target))
    return [Sentence(*pair) for pair in zip(*texts) if all(1 <= len(side) <= LONGEST for side in pair)]


def read_pairs(source: Path, target: Path, number: int, random: np.random.Generator) -> list[Sentence]:
    """Return `number` pairs drawn from those of `read_all`."""
    pairs = read_all(source, target)
    if number > len(pairs):
        raise OptionError(f"--sentences {number} is more than the {len(pairs)} usable pairs of {source}")
    return [pairs[i] for i in random.choice(len(pairs), size=number, replace=False)]


def describe(sentences: Sequence[Sentence], origin: Optional[str]) -> str:
    """Return a line about the lengths."""
    parts = []
    for side in ("source", "target"):
        lengths = sorted(len(getattr(sentence, side)) for sentence in sentences)
        middle, most = np.percentile(lengths, [50, 90])
        mean = sum(lengths) / len(lengths)
        parts.append(f"{side} mean {mean:.1f}, p50 {middle:g}, p90 {most:g}, longest {lengths[-1]}")
    return f"{len(sentences)} sentences, subwords: {'; '.join(parts)} ({origin})"
