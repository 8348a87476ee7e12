"""The trace page in a browser: what it shows is the trace, by mouse, by keys and for screen readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_up_trace as made
import pytest
from browser import Browser

from fairseq_cmlm.tracing import trace_document, write_trace

LANGUAGES = ("de", "en")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return trace_document(made.TEXTS, made.runs(), LANGUAGES, made.REFERENCES)


@pytest.fixture(scope="module")
def address(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("trace") / "trace.html"
    write_trace(document, [path])
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Browser:
    """The browser at the first sentence, after pass 1."""
    browser.open(address)
    browser.wait("document.querySelector('.run')")
    return browser


def tokens(page: Browser, run: int) -> list[dict[str, Any]]:
    """What the canvas of a run shows."""
    script = """
        return [...document.querySelectorAll(".run")[arguments[0]].querySelectorAll(".canvas button")].map((one) => ({
            word: one.firstChild.textContent, percent: one.querySelector("small")?.textContent ?? null,
            classes: [...one.classList], p: Number(one.style.getPropertyValue("--p"))}))"""
    found: list[dict[str, Any]] = page.run(script, run)
    return found


def shown_percent(p: float) -> str:
    return "<1 %" if 0 < p < 0.005 else f"{int(100 * p + 0.5)} %"


def check_canvas(page: Browser, run: int, history: list[dict[str, Any]], after: int) -> None:
    """Compare a canvas with the pass that it must show."""
    one = history[min(after, len(history)) - 1]
    before = history[min(after, len(history)) - 2]["written"] if min(after, len(history)) > 1 else one["written"]
    found = tokens(page, run)
    assert [token["word"] for token in found] == one["written"]
    assert [token["percent"] for token in found] == [shown_percent(p) for p in one["probabilities"]]
    assert [token["p"] for token in found] == one["probabilities"]
    assert ["masked" in token["classes"] for token in found] == one["masked_again"]
    assert ["changed" in token["classes"] for token in found] == [a != b for a, b in zip(one["written"], before)]


def test_every_pass_of_every_candidate_is_the_trace(page: Browser, document: dict[str, Any]) -> None:
    for number, sentence in enumerate(document["sentences"]):
        page.click(f"#sentences button:nth-child({number + 1})")
        for run, decoding in enumerate(sentence["decodings"]):
            for place, candidate in enumerate(decoding["candidates"]):
                page.run("document.getElementById(arguments[0]).click()", f"candidate-{run}-{place}")
                for after in range(1, len(candidate["history"]) + 1):
                    page.run("player.go(arguments[0])", after)
                    check_canvas(page, run, candidate["history"], after)
                    box = f".run:nth-child({run + 1})"
                    assert page.text(f"{box} .now.text") == candidate["history"][after - 1]["text"]
                    assert f"sentence {candidate['bleu'][after - 1]:.1f}" in page.text(f"{box} .facts")
                    score = candidate["history"][after - 1]["score"] + candidate["bonus"]
                    assert f"score {score:.3f}".replace("-", "−") in page.text(f"{box} .facts")


def test_candidates_race(page: Browser, document: dict[str, Any]) -> None:
    rows = page.texts(".run:first-child .candidates tbody tr")
    assert len(rows) == 3 and "chosen" in rows[0] and "given up after pass 1" in rows[2]
    assert document["sentences"][0]["decodings"][0]["oracle"] == 0 and "oracle" in rows[0] and "oracle" not in rows[1]
    assert len(page.texts(".run:first-child .chart path:not(.lost)")) == 3
    assert len(page.texts(".run:first-child .chart path.lost")) == 1
    # A point for each pass: the line of the first candidate goes through its three scores.
    line = page.run("return document.querySelector('.chart path.shown').getAttribute('d')")
    assert line.count("L") == 2


def test_keys_and_buttons_step(page: Browser) -> None:
    place = "#place"
    page.press("ArrowRight")
    assert page.text(place) == "Pass 2 of 3"
    page.press("End")
    assert page.text(place) == "Pass 3 of 3" and page.run("return document.querySelector('#forward').disabled")
    page.press("ArrowRight", "ArrowLeft")
    assert page.text(place) == "Pass 2 of 3"
    page.press("Home")
    assert page.text(place) == "Before pass 1" and {token["word"] for token in tokens(page, 0)} == {"\xa0"}
    page.click("#forward")
    page.click("#last")
    page.click("#back")
    assert page.text(place) == "Pass 2 of 3"
    page.run("document.querySelector('#slider').focus()")
    page.press("ArrowRight")
    assert page.text(place) == "Pass 3 of 3"
    page.run("document.activeElement.blur()")
    page.press("n")
    assert page.text("#source .text:not(.reference)") == made.TEXTS[1]
    page.press("n", "n", "p", "p")
    assert page.text("#source .text:not(.reference)") == made.TEXTS[0]


def test_it_plays_to_the_end(page: Browser) -> None:
    page.press("Space")
    assert page.text("#play") == "Pause"
    page.wait("document.querySelector('#place').textContent === 'Pass 3 of 3'")
    assert page.text("#play") == "Play"


def test_a_token_says_why(page: Browser) -> None:
    page.press("ArrowRight")
    page.click(".run:first-child .canvas button:nth-child(1)")
    assert page.text(".run:first-child .reason").startswith("Kept: others are less sure.")
    page.press("ArrowRight")
    assert page.run("return document.activeElement.dataset.key") == "0/1"
    reason = page.text(".run:first-child .reason")
    assert reason.startswith("Masked again") and "number 2 of 4; 2 are masked, up to 60 %" in reason
    assert page.texts(".run:first-child [aria-label='Best tokens'] span") == ["dog", "60 %", "other", "30 %"]
    assert page.texts(".run:first-child [aria-label='Attention'] span")[:2] == ["</s>", "50 %"]
    assert page.run("return getComputedStyle(document.querySelector('#source .token:last-child')).backgroundColor") != (
        page.run("return getComputedStyle(document.querySelector('#source .token')).backgroundColor")
    )
    page.press("ArrowDown")
    assert page.text("#place") == "Pass 3 of 3" and "Changed last in pass 2, from “a”" in page.text(
        ".run:first-child .why"
    )
    page.press("j")
    assert page.text("#place") == "Pass 2 of 3"
    page.press("ArrowDown")
    page.click(".run:first-child .jump")
    assert page.text("#place") == "Pass 2 of 3"


@pytest.mark.parametrize(
    ("why", "masked_again", "expected"),
    [
        ("unsure", True, "Masked again: this pass predicted it, and it is among the least sure. From the least sure, "),
        ("taken back", True, "Taken back: an earlier pass wrote it, and now it is among the least sure. From the "),
        ("masked", True, "Not written yet: other positions come first."),
        ("kept", False, "Kept: others are less sure. From the least sure, it is number 1 of 2; 1 is masked."),
        ("given", False, "Fixed by the user: no pass changes it."),
        ("sure", False, "Kept: surer than the confidence threshold. "),
        ("some new rule", True, "Masked again: some new rule. From the least sure, it is number 1 of 2; "),
        ("some new rule", False, "Kept: some new rule. "),
    ],
)
def test_reasons(page: Browser, why: str, masked_again: bool, expected: str) -> None:
    """The probability at which masking ended is told only where masking went by it."""
    one = {"why": [why, "unsure"], "masked_again": [masked_again, True], "probabilities": [0.2, 0.4]}
    ranks = [-1, 0] if why == "given" else [0, 1]
    found = page.run("return reason(arguments[0], 0)", {**one, "ranks": ranks})
    assert found.startswith(expected) and ("up to 40 %" in found) == (masked_again and why != "masked")


def test_two_runs_stand_beside_each_other(page: Browser) -> None:
    left, right = page.run(
        "return [...document.querySelectorAll('.run')].map((one) => one.getBoundingClientRect().left)"
    )
    assert left < right
    page.press("End")
    assert [token["word"] for token in tokens(page, 1)] == ["the", "small", "dog", "sleeps", "</s>"]
    assert "finished after pass 2" in page.text(".run:nth-child(2) .facts")
    assert "finished" not in page.text(".run:nth-child(1) .facts")


def test_markup_in_a_text_stays_text(page: Browser) -> None:
    assert page.run("return document.title") == "Decoding, pass by pass"
    assert page.run("return document.scripts.length") == 2
    assert made.SCRIPT in page.text(".run:nth-child(2) h2") and made.SCRIPT in page.texts(".run:first-child .token")[2]


def test_foreign_script_does_not_run_and_nothing_is_fetched(page: Browser) -> None:
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    page.run("document.body.append(make('script', {}, 'document.title = 1'))")
    assert page.run("return document.title") == "Decoding, pass by pass"
    page.run("fetch('http://127.0.0.1:9/').catch(() => null)")
    refusals = " ".join(page.errors())
    assert "script-src" in refusals and "connect-src" in refusals


def test_text_that_is_read_from_the_right_is_shown_so(page: Browser) -> None:
    page.press("n")
    each = "return [...document.querySelectorAll(arguments[0])].map((one) => {})"
    directions = page.run(each.format("getComputedStyle(one).direction"), "#source .canvas, .run .canvas, .passes")
    assert directions == ["rtl"] * 5
    first, second, *_ = page.run(each.format("one.getBoundingClientRect().left"), ".run .canvas button")
    assert first > second
    page.click(".run:first-child .canvas button:nth-child(1)")
    page.press("ArrowLeft")
    assert page.run("return document.activeElement.dataset.key") == "0/1"


CONTRAST = """
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (colour) => {
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const one = document.querySelector(arguments[0]);
    if (arguments[1] !== null) one.style.setProperty("--p", arguments[1]);
    let under = one;
    while (getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") under = under.parentElement;
    const both = [light(getComputedStyle(one).color), light(getComputedStyle(under).backgroundColor)].sort();
    return (both[1] + 0.05) / (both[0] + 0.05);
"""


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_in_the_light_and_in_the_dark(page: Browser, dark: bool, screenshots: Path) -> None:
    page.window(dark=dark)
    light = page.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 128")
    assert light is not dark
    for p in (0, 0.25, 0.5, 0.75, 1):
        assert page.run(CONTRAST, ".run .canvas .token", p) > 4.5
    for selector in (".quiet", "h3", "#play", ".candidates th", ".why p"):
        assert page.run(CONTRAST, selector, None) > 4.5
    page.screenshot(screenshots / f"trace-{'dark' if dark else 'light'}.png")


def test_it_fits_a_narrow_screen(page: Browser, screenshots: Path) -> None:
    page.window(width=320, height=640)
    for number in (1, 2):
        page.click(f"#sentences button:nth-child({number})")
        page.run("document.querySelector('.run .canvas button').click()")
        assert page.run("return document.documentElement.scrollWidth") <= 320
    page.screenshot(screenshots / "trace-narrow.png")


def test_a_screen_reader_finds_and_hears_everything(page: Browser) -> None:
    roles = page.roles()
    assert ("slider", "Pass") in roles and ("toolbar", "Canvas after pass 1") in roles
    assert ("button", "a, 30 %, masked again") in roles and ("radio", "5") in roles
    assert not [
        role for role, name in roles if role in ("button", "slider", "radio", "region", "image") and not name.strip()
    ]
    chart = next(name for role, name in roles if role == "image")
    assert chart.endswith("4 tokens −1.50, 5 tokens −1.38, 2 tokens given up after pass 1")
    page.press("ArrowRight")
    heard = page.text("[role=status]")
    assert heard.startswith(f"Pass 2 of 3. first: a dog {made.SCRIPT}; 1 changed, 2 masked again. ")
    # By tab alone: into the canvas once, to the token that was chosen last.
    page.run("document.querySelector('#slider').focus()")
    page.press("Tab")
    assert page.run("return document.activeElement.dataset.key") == "0/0"


def test_an_address_names_sentence_and_pass(browser: Browser, address: str) -> None:
    browser.open(f"{address}#2/2")
    browser.wait("document.querySelector('.run')")
    assert browser.text("#place") == "Pass 2 of 2" and browser.text("#source .text:not(.reference)") == made.TEXTS[1]
    browser.press("ArrowLeft")
    assert browser.run("return location.hash") == "#2/1"
