"""Numbers of the released implementation, read from the folder GOLDEN or from ../shared/golden beside the checkout."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Callable

import pytest
from converted import Converted, load

MEASURED: list[str] = []


@pytest.fixture
def measured() -> Callable[[str], None]:
    """Takes a line about what was compared; `pytest -v` prints all of them at its end."""
    return MEASURED.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    if MEASURED and terminalreporter.verbosity > 0:
        terminalreporter.section("compared with the golden numbers")
        terminalreporter.write("\n".join([*MEASURED, ""]))


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder with the golden numbers."""
    folder = Path(os.environ.get("GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
    if not folder.is_dir():
        pytest.skip(f"the golden numbers are not here ({folder}); set GOLDEN to their folder")
    return folder


@pytest.fixture(scope="session")
def converted(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Converted]:
    """The checkpoint of a name (trained, wild, rand), converted and loaded once."""
    return cache(lambda name: load(golden, name, tmp_path_factory.mktemp(name) / "converted"))
