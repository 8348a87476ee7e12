"""Numbers of the released implementation, read from the folder GOLDEN or from ../shared/golden beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder with the golden numbers."""
    folder = Path(os.environ.get("GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
    if not folder.is_dir():
        pytest.skip(f"the golden numbers are not here ({folder}); set GOLDEN to their folder")
    return folder
