"""The demo's page in a browser, over a real server and model."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from demo_requests import events

from fairseq_cmlm import Translator
from fairseq_cmlm.demo.choice import Choice
from fairseq_cmlm.demo.server import DemoServer

TEXT = "the small dog sees the boat"
FINISHED = "state.run?.finished && document.querySelector('#stop').disabled"
WORDS = "#run .canvas button"


@pytest.fixture
def page(browser: Browser, server: DemoServer) -> Browser:
    """The browser with the form before it."""
    browser.open(server.address)
    browser.wait("document.querySelector('#option-strategy')")
    return browser


def translate(page: Browser, text: str = TEXT, **options: Any) -> None:
    """Fill in the form, and wait for the end of the decoding."""
    page.write("#text", text)
    for name, value in options.items():
        page.run("document.getElementById(arguments[0]).value = arguments[1]", f"option-{name}", str(value))
    page.click("button.main")
    page.wait(FINISHED)


def words(page: Browser) -> list[str]:
    found: list[str] = page.run("return draft().map((token) => token.word)")
    assert [
        text.replace("\xa0", "")
        for text in page.run(
            f"return [...document.querySelectorAll('{WORDS}')].map((one) => one.firstChild.textContent)"
        )
    ] == [word if word != "<mask>" else "" for word in found]
    return found


def test_what_is_shown_is_what_the_translator_says(page: Browser, demo_model: Translator) -> None:
    translate(page, iterations=4, length_beam=3)
    (expected,) = demo_model.translate([TEXT], history=True, iterations=4, length_beam=3)
    assert page.text(".now.text") == expected.text
    assert page.texts("#source .token") == expected.source
    for place, candidate in enumerate(expected.candidates):
        page.run("document.querySelectorAll('.candidates input')[arguments[0]].click()", place)
        for after, made in enumerate(candidate.history or [], start=1):
            page.run("player.go(arguments[0])", after)
            assert page.text("#place") == f"Pass {after} of {candidate.passes}"
            assert words(page) == made.written and page.text(".now.text") == made.text
            masked = [token["masked"] for token in page.run("return draft()")]
            assert masked == made.masked_again
    assert page.text("[role=status]").startswith("Translated in 4 passes: ")


def test_candidates_are_chosen_and_passes_planned_by_another_reading(page: Browser, demo_model: Translator) -> None:
    reading: dict[str, str] = {"choose_by": "pseudo_likelihood+consensus:2", "plan_by": "pseudo_likelihood"}
    translate(page, iterations=4, length_beam=4, **reading)
    (expected,) = demo_model.translate([TEXT], iterations=4, length_beam=4, **reading)
    assert page.text(".now.text") == expected.text
    page.run("document.querySelector('#option-choose_by').value = 'luck'")
    page.click("button.main")
    page.wait("!document.querySelector('#trouble').hidden")
    assert "'luck' is none of confidence" in page.text("#trouble")
    assert any("400" in message for message in page.errors())


def test_passes_are_shown_as_they_arrive(page: Browser) -> None:
    page.run("""
        window.seen = [];
        // Two passes may arrive before the observer is called: the records have both.
        const added = records => records.flatMap(one => [...one.addedNodes].map(node => node.textContent));
        new MutationObserver(records => seen.push(...added(records))).observe(
            document.querySelector("#place"), { childList: true });
    """)
    translate(page, iterations=6, length_beam=1)
    assert page.run("return [...new Set(seen)]") == [f"Pass {done} of {done}" for done in range(1, 7)]


def test_another_token_is_kept_and_the_rest_goes_on(page: Browser) -> None:
    translate(page, iterations=6, length_beam=1)
    page.press("Home")
    page.click("#forward")
    page.click("#forward")
    before = words(page)
    page.click(f"{WORDS}:nth-child(1)")
    choices = page.texts(".choice")
    assert choices[0] == before[0] and len(choices) == 8
    page.run("document.querySelectorAll('.choice')[1].click()")
    assert words(page)[0] == choices[1] and "given" in page.run(f"return document.querySelector('{WORDS}').className")
    page.click(".go-on")
    page.wait(FINISHED)
    # Passes 3 to 6, or 5 where so few tokens are left, in each of which the chosen token stays.
    made = page.run("return player.most")
    assert made in (3, 4) and page.text("#place") == f"Pass {made + 2} of {made + 2}"
    for after in range(made + 1):
        page.run("player.go(arguments[0])", after)
        assert page.run("return draft()[0].word") == choices[1] and page.run("return draft()[0].given")
    # Back leads to where the user was, with the change that was made there.
    page.click("#undo")
    assert page.run("return [player.most, player.pass]") == [6, 2] and page.run("return draft()[0].given")
    page.click(".reset")
    assert words(page) == before


def test_words_are_locked_and_blanks_are_put_with_keys(page: Browser, server: DemoServer) -> None:
    translate(page, iterations=4, length_beam=1)
    before = words(page)
    page.click(f"{WORDS}:nth-child(2)")
    page.press("l", "ArrowRight", "b")
    tokens = page.run("return draft()")
    assert [token["given"] for token in tokens] == [i == 1 for i in range(len(before))]
    assert [token["blank"] for token in tokens] == [i == 2 for i in range(len(before))]
    assert "Going on predicts 1 token anew." in page.text("#run")
    page.press("g")
    page.wait(FINISHED)
    assert page.run("return player.most") == 1 and words(page)[:2] == before[:2] and words(page)[3:] == before[3:]
    assert page.run("return draft()[1].given")
    assert page.run("return state.run.candidates[0].history[0].predicted") == [i == 2 for i in range(len(before))]


def test_going_on_without_masks_revises_the_less_sure_half(page: Browser) -> None:
    translate(page, iterations=6, length_beam=1)
    number = len(words(page))
    half = page.run("return plan()")
    assert half["half"] and half["done"] == 3 and len(half["masked"]) == number // 2
    assert "predicts the less sure half anew" in page.text("#run")
    page.click(".go-on")
    page.wait(FINISHED)
    predicted = page.run("return state.run.candidates[0].history[0].predicted")
    assert [i for i, asked in enumerate(predicted) if asked] == sorted(half["masked"])
    assert page.text("#place") == "Pass 6 of 6"


def test_tokens_are_put_in_and_taken_out_and_changes_undone(page: Browser) -> None:
    translate(page, iterations=4, length_beam=1)
    before = words(page)
    page.click(f"{WORDS}:nth-child(1)")
    page.click(".insert")
    assert words(page) == ["<mask>", *before]
    page.click(f"{WORDS}:nth-child(3)")
    page.click(".remove")
    assert words(page) == ["<mask>", before[0], *before[2:]]
    page.click(".reset")
    assert words(page) == before
    page.click(f"{WORDS}:nth-child(1)")
    page.click(".insert")
    page.click(".go-on")
    page.wait(FINISHED)
    assert len(words(page)) == len(before) + 1 and words(page)[1:] == before


def test_a_token_that_the_model_does_not_know_is_named_and_the_way_back_is_open(page: Browser) -> None:
    translate(page, iterations=4, length_beam=1)
    before = words(page)
    page.click(f"{WORDS}:nth-child(1)")
    page.write(".another", "Zebra")
    page.press("Enter")
    page.click(".go-on")
    page.wait("!document.querySelector('#trouble').hidden")
    assert page.text("#trouble") == "the model's dictionary has no 'Zebra', so the target cannot keep it"
    assert any("400" in message for message in page.errors())
    # What was shown is there again, with the change, which can be undone.
    assert words(page) == ["Zebra", *before[1:]]
    page.run("document.querySelector('.reset').click()")
    assert words(page) == before


def test_mistakes_are_told(page: Browser) -> None:
    page.write("#text", "@ " * 40)
    page.click("button.main")
    page.wait("!document.querySelector('#trouble').hidden")
    assert page.text("#trouble").startswith("the text has 41 tokens (</s> counts), and the model reads at most 40")
    assert ("alert", page.text("#trouble")) in [(role, name or page.text("#trouble")) for role, name in page.roles()]
    assert any("400" in message for message in page.errors())
    translate(page, TEXT)
    assert page.run("return document.querySelector('#trouble').hidden")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Promise.reject(new TypeError('gone'))", "The server does not answer. Is it still running?"),
        ("Promise.resolve(new Response('{\"pass\"'))", "The connection ended before the translation was complete."),
        ('Promise.resolve(new Response(\'{"error": "full"}\\n\'))', "full"),
        ('Promise.resolve(new Response(\'{"error": "busy"}\', { status: 503 }))', "busy"),
    ],
)
def test_a_connection_that_breaks_is_told(page: Browser, answer: str, expected: str) -> None:
    page.run(f"window.fetch = () => {answer}")
    page.write("#text", TEXT)
    page.click("button.main")
    page.wait("!document.querySelector('#trouble').hidden")
    assert page.text("#trouble") == expected and page.run("return document.querySelector('#stop').disabled")


def test_a_decoding_can_be_stopped_and_another_takes_its_place(page: Browser, demo_model: Translator) -> None:
    page.write("#text", TEXT)
    page.run("at('option-iterations').value = 100; at('option-length_beam').value = 20")
    page.click("button.main")
    page.wait("player.most > 0")
    page.click("#stop")
    page.wait("!document.querySelector('#trouble').hidden")
    assert page.text("#trouble") == "Stopped." and page.run("return player.most") < 100
    page.click("button.main")
    page.wait("player.most > 0")
    translate(page, "a bird", iterations=3, length_beam=2)
    assert page.text(".now.text") == demo_model.translate(["a bird"], iterations=3, length_beam=2)[0].text
    assert page.text("#trouble") != "Stopped."


def test_a_word_that_the_model_cannot_read_is_told(page: Browser) -> None:
    translate(page, f"{TEXT} Zebra", iterations=2)
    assert page.text("#trouble").startswith("The model does not know a part of the text: it reads <unk> there")
    translate(page, TEXT, iterations=2)
    assert page.run("return document.querySelector('#trouble').hidden")


def test_a_wrong_value_among_the_hidden_options_is_shown(page: Browser) -> None:
    page.write("#text", TEXT)
    page.run("at('option-confidence_threshold').value = 7; document.querySelector('details').open = false")
    page.click("button.main")
    page.wait("document.querySelector('details').open")
    page.errors()  # the browser's own, of a field that could not have the focus


def test_going_on_takes_the_word_that_is_still_in_the_field(page: Browser) -> None:
    translate(page, iterations=6, length_beam=1)
    page.run("player.go(2)")
    word = words(page)[1]
    page.click(f"{WORDS}:nth-child(1)")
    page.write(".another", word)
    page.click(".go-on")
    page.wait(FINISHED)
    assert words(page)[0] == word and page.run("return draft()[0].given")


def test_a_blank_is_put_at_the_end(page: Browser) -> None:
    translate(page, iterations=4, length_beam=1)
    before = words(page)
    page.click(f"{WORDS}:nth-child({len(before)})")
    page.click(".insert")
    assert words(page) == [*before[:-1], "<mask>", before[-1]]
    page.click(".go-on")
    page.wait(FINISHED)
    assert len(words(page)) == len(before) + 1 and words(page)[: len(before) - 1] == before[:-1]


def test_a_search_is_gone_on_from_before_its_end_is_written(page: Browser) -> None:
    translate(page, strategy="left_to_right", length_beam=1)
    number = len(words(page))
    page.run("player.go(2)")
    page.click(".go-on")
    page.wait(FINISHED)
    assert page.run("return document.querySelector('#trouble').hidden") and len(words(page)) == number


def test_gaps_of_the_target_are_filled(page: Browser, server: DemoServer) -> None:
    word = events(server, TEXT)[0]["pass"]["written"][0]
    page.click("details summary")
    page.write("#target", f"{word} <blank:3>")
    translate(page)
    assert words(page)[0] == word and len(words(page)) == 5 and page.run("return draft()[0].given")


def test_search_by_tokens_shows_its_passes_too(page: Browser) -> None:
    translate(page, strategy="easy_first", length_beam=1)
    number = len(words(page))
    assert page.run("return player.most") == number
    page.press("ArrowLeft")
    assert page.run("return draft().filter((token) => token.blank).length") == 1


def test_markup_in_a_text_stays_text(page: Browser) -> None:
    script = "<img src=x onerror=document.title=1> <script>document.title=2</script>"
    translate(page, script, iterations=2)
    assert page.run("return document.title") == "Translate, pass by pass"
    assert page.text("#source .text") == script
    assert page.run("return document.querySelectorAll('img').length + document.scripts.length") == 2


def test_it_works_by_keys_on_a_narrow_screen_and_in_the_dark(page: Browser, screenshots: Path) -> None:
    page.window(width=320, height=640, dark=True)
    page.write("#text", TEXT)
    page.press("Enter")  # a line of the text
    page.run(
        "document.querySelector('#text').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true }))"
    )
    page.wait(FINISHED)
    page.run("document.querySelector('.canvas button').click()")
    assert page.run("return document.documentElement.scrollWidth") <= 320
    named = [
        (role, name) for role, name in page.roles() if role in ("button", "textbox", "combobox", "spinbutton", "slider")
    ]
    assert len(named) > 15 and all(name.strip() for _, name in named)
    page.screenshot(screenshots / "demo-narrow.png")
    page.window()
    page.screenshot(screenshots / "demo.png")


LABELS = [("good", 0.75), ("<b>bad</b>", 0.25)]
CONTEXT = "The king had a golden apple. The queen had none."
CHOICES = {
    "labels": {"labels": LABELS, "cut": 3},
    "answer": {"answer": "a golden apple", "text": CONTEXT, "cut": 0},
}


@pytest.mark.parametrize("kind", CHOICES)
def test_a_choice_has_a_form_of_its_own(browser: Browser, demo_model: Translator, kind: str) -> None:
    with DemoServer("127.0.0.1", 0, demo_model, Choice(kind, lambda text, question: CHOICES[kind])) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        browser.open(made.address)
        browser.wait("document.querySelector('#option-strategy')")
        assert browser.run("return at('question-field').hidden") is (kind == "labels")
        browser.write("#subject", CONTEXT)
        if kind == "answer":
            browser.write("#question", "What had the king?")
        browser.click("button.choose")
        browser.wait("document.querySelector('#chosen .now')")
        if kind == "labels":
            assert browser.text("#chosen .now") == "good" and browser.texts("#chosen .bars span")[2:] == [
                LABELS[1][0],
                "25 %",
            ]
            assert "its last 3 tokens were not read" in browser.text("#chosen .notice")
        else:
            assert browser.text("#chosen mark") == "a golden apple" and browser.texts("#chosen .text")[1] == CONTEXT
        translate(browser, iterations=2)
        made.shutdown()


def test_a_translation_alone_shows_no_choice(page: Browser) -> None:
    assert page.run("return getComputedStyle(at('choice')).display") == "none"
