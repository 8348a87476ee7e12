"""A model that is trained until it translates: one pass mixes two translations, several passes do not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fairseq_commands import generate, preprocess, train

WORDS = [chr(ord("a") + i) for i in range(20)]
SIZES = ("--encoder-embed-dim", 64, "--decoder-embed-dim", 64, "--encoder-ffn-embed-dim", 128)
SIZES += ("--decoder-ffn-embed-dim", 128, "--encoder-attention-heads", 4, "--decoder-attention-heads", 4)


def right_translations(source: str) -> set[str]:
    """The source itself, or the source with its last word first."""
    words = source.split()
    return {source, " ".join([words[-1], *words[:-1]])}


def write_text(folder: Path, split: str, size: int, rng: random.Random) -> None:
    """Random words, and one of their two right translations."""
    sources = [" ".join(rng.choices(WORDS, k=rng.randint(4, 8))) for _ in range(size)]
    targets = [rng.choice(sorted(right_translations(source))) for source in sources]
    for side, lines in (("src", sources), ("tgt", targets)):
        (folder / f"{split}.{side}").write_text("".join(line + "\n" for line in lines))


@pytest.mark.slow
def test_several_passes_agree_on_one_of_two_translations(tmp_path: Path) -> None:
    rng = random.Random(1)
    for split, size in (("train", 4000), ("valid", 20), ("test", 200)):
        write_text(tmp_path, split, size, rng)
    data = preprocess(tmp_path, tmp_path / "data", "--joined-dictionary")
    schedule = ("--lr", "3e-3", "--lr-scheduler", "inverse_sqrt", "--warmup-updates", 100, "--clip-norm", 1.0)
    options = (*SIZES, *schedule, "--share-all-embeddings", "--dropout", 0.0, "--max-tokens", 1024)
    train(data, tmp_path / "model", *options, updates=900)

    share = {}
    for iterations in (1, 10):
        found = generate(
            data, tmp_path / "model/checkpoint_last.pt", "--decoding-iterations", iterations, "--length-beam", 1
        )
        right = [lines[0].split("\t")[1] in right_translations(found["S"][i][0]) for i, lines in found["H"].items()]
        share[iterations] = sum(right) / 200
    assert share[10] > 0.85, share
    assert share[1] < share[10] - 0.25, share
