"""The model of the bundle, under torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairseq_cmlm import Translator


@pytest.fixture(scope="session")
def translator(checkpoint: Path, bundle: Path) -> Translator:
    return Translator(checkpoint, text_pipeline=bundle / "text.json")
