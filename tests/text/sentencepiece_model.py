"""A small model of sentencepiece, for tests."""

from __future__ import annotations

import io
from pathlib import Path

import pytest


def write_model(folder: Path, text: str, **options: object) -> Path:
    """Train a model on a text and write it; skip the test where sentencepiece is not installed."""
    sentencepiece = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.splitlines()), model_writer=model, minloglevel=2, hard_vocab_limit=False, **options
    )
    path = folder / "sentencepiece.model"
    path.write_bytes(model.getvalue())
    return path
