"""The browser of the tests of pages. SCREENSHOTS=FOLDER keeps what they take, for the documents."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest
from browser import CHROMIUM, DRIVER, MISSING, Browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    if DRIVER is None or CHROMIUM is None:
        pytest.skip(MISSING)
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser, as wide as a screen and light; a page may complain of nothing."""
    chromium.window()
    chromium.errors()
    yield chromium
    assert chromium.errors() == []


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of screenshots."""
    return Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
