"""A model that knows every length but not yet every token: its length probabilities find the right candidate."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

import pytest
from fairseq_commands import generate, preprocess, train
from sacrebleu.metrics import BLEU

SIZES = [f"--{side}-{name}" for side in ("encoder", "decoder") for name in ("embed-dim=64", "ffn-embed-dim=128")]
HEADS = ("--encoder-attention-heads", 8, "--decoder-attention-heads", 8)
SCHEDULE = ("--lr", "3e-3", "--lr-scheduler", "inverse_sqrt", "--warmup-updates", 100, "--adam-betas", "(0.9, 0.98)")
# The lengths come out right with any seed tried; 20 BLEU need this setting (seeds 1, 2, 3 gain 23, 5 and 6).
OPTIONS = (*SIZES, *HEADS, *SCHEDULE, "--clip-norm", 1.0, "--dropout", 0.0, "--max-tokens", 512, "--seed", 1)
# Before the encoder's layers the normalisation lets it count its tokens: every length is learned early.
LENGTH_FIRST = ("--encoder-normalize-before", "--share-all-embeddings", "--label-smoothing", 0.0)


class Chosen(NamedTuple):
    """What was measured on the sentences: BLEU, and the share whose chosen length is the reference's."""

    bleu: float
    right_lengths: float


def write_digits(folder: Path, split: str, size: int, rng: random.Random) -> None:
    """Write `size` strings of 4 to 14 digits, and each of them reversed."""
    sources = [rng.choices("0123456789", k=rng.randint(4, 14)) for _ in range(size)]
    for side, step in (("src", 1), ("tgt", -1)):
        (folder / f"{split}.{side}").write_text("".join(" ".join(digits[::step]) + "\n" for digits in sources))


@pytest.fixture(scope="module")
def reversed_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the binarised data and a model of digits reversed."""
    folder, rng = tmp_path_factory.mktemp("digits"), random.Random(1)
    for split, size in (("train", 5000), ("valid", 200)):
        write_digits(folder, split, size, rng)
    data = preprocess(folder, folder / "data", "--joined-dictionary", splits=("train", "valid"))
    train(data, folder / "model", *OPTIONS, *LENGTH_FIRST, updates=900)
    return folder


def chosen(folder: Path, *options: object) -> Chosen:
    """Translate the 200 sentences with five length candidates."""
    found = generate(folder / "data", folder / "model/checkpoint_last.pt", "--gen-subset", "valid", *options)
    references = [found["T"][number][0] for number in sorted(found["T"])]
    written = [found["H"][number][0].split("\t")[1] for number in sorted(found["T"])]
    same = [len(one.split()) == len(other.split()) for one, other in zip(written, references)]
    bleu = BLEU(tokenize="none", force=True).corpus_score(written, [references])
    return Chosen(bleu.score, sum(same) / len(same))


def test_the_lengths_probability_finds_the_right_length(reversed_digits: Path) -> None:
    paper, default = chosen(reversed_digits, "--length-prior", 0), chosen(reversed_digits)
    # The lengths are the steady effect; how much BLEU they bring differs between seeds (docs/RESULTS.md). With another
    # arithmetic, of the processor or of the loss, it is another model: 94.5 and 100 % of the lengths were seen.
    assert default.right_lengths >= 0.9 and paper.right_lengths <= 0.6, (paper, default)
    assert default.bleu >= paper.bleu + 3, (paper, default)
