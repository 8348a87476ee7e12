"""The demo's page in a browser, over a bundle, without torch behind it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Iterator

import pytest
from browser import Browser
from test_demo_page import FINISHED, TEXT, WORDS, translate, words

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from fairseq_cmlm.demo.server import DemoServer
from fairseq_cmlm.runtime import Bundle


@pytest.fixture
def page(browser: Browser, bundle: Path) -> Iterator[Browser]:
    """The browser with the form before it."""
    with DemoServer("127.0.0.1", 0, Bundle(bundle)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.open(server.address)
        browser.wait("document.querySelector('#option-strategy')")
        yield browser
        server.shutdown()


def test_a_bundle_is_shown_and_goes_on(page: Browser, bundle: Path) -> None:
    translate(page, iterations=4, length_beam=1)
    (expected,) = Bundle(bundle).translate([TEXT], history=True, iterations=4, length_beam=1)
    assert page.text(".now.text") == expected.text and page.texts("#source .token") == expected.source
    assert page.run("return at('blanks').hidden")  # which it would refuse
    before = words(page)
    page.click(f"{WORDS}:nth-child(2)")
    assert len(page.texts(".choice")) == 8  # best tokens are told, of the source nothing is read here
    assert page.texts("[aria-label=Attention] *") == []
    page.press("l", "ArrowRight", "b")
    page.click(".go-on")
    page.wait(FINISHED)
    assert page.run("return player.most") == 1 and page.run("return draft()[1].given")
    after = words(page)
    assert [after[i] for i in range(len(after)) if i != 2] == [before[i] for i in range(len(before)) if i != 2]
