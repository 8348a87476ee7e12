"""What is missing from texts, and what may stand in its place."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.formats.example import Example, read_examples
from fairseq_cmlm.formats.format import Part
from fairseq_cmlm.formats.infilling import BLANK, draw_spans, sized
from fairseq_cmlm.measures.blanks import blank_exact, fillings_of, kept
from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.text.pipeline import Side, TextPipeline
from fairseq_cmlm.text.pipeline_file import write_pipeline

INFILLING, LEFT = FORMATS["infilling"], FORMATS["left_infilling"]
TEXT = "Ada built the old mill of Elm. It stands there still, half-empty. Don't go in!"


def read(folder: Path, text: str, split: str = "valid", name: str = "infilling") -> list[Example]:
    (folder / f"{split}.text").write_text(text, encoding="utf-8")
    return list(FORMATS[name].read(Part(folder, split)))


def test_what_is_given_and_what_is_missing_make_up_the_text() -> None:
    seen: Counter[str] = Counter()
    for seed in range(300):
        spans = draw_spans(TEXT, random.Random(seed), 3)
        assert spans == sorted(spans) and 1 <= len(spans) <= 3
        seen.update(span.kind for span in spans)
        for span, other in zip(spans, spans[1:]):
            assert TEXT[span.end : other.begin].strip(), "two blanks have something between them"
        for span in spans:
            assert "-" not in (TEXT[span.begin - 1 : span.begin], TEXT[span.end : span.end + 1])
    assert set(seen) == {"word", "phrase", "sentence"} and min(seen.values()) > 90


def test_an_example_can_be_filled_to_its_text(tmp_path: Path) -> None:
    for example in read(tmp_path, f"{TEXT}\n" * 40, "train"):
        (text,) = example.references
        missing = example.details["missing"]
        assert BLANK.sub("{}", example.template or "").format(*missing) == text == TEXT
        assert example.source.count("␣") == len(example.details["missing"]) <= 3
        found = fillings_of(text, example.details["given"])
        assert found is not None and len(found) == len(example.details["missing"])


def test_train_draws_several_times_and_other_splits_once_and_both_formats_alike(tmp_path: Path) -> None:
    assert len(read(tmp_path, f"{TEXT}\nno\n", "train")) == 4
    whole, left = (read(tmp_path, f"{TEXT}\n" * 9, name=name) for name in ("infilling", "left_infilling"))
    assert len(whole) == 9 and len({example.source for example in whole}) > 4, "a line draws by its number"
    assert whole == read(tmp_path, f"{TEXT}\n" * 9)
    assert [one.details for one in whole] == [one.details for one in left]
    for one in left:
        (missing,), given = one.details["missing"], one.details["given"]
        assert one.source == f"{given[0]} ␣".strip() and list(LEFT.pairs(one, True)) == [(one.source, missing)]
        assert fillings_of(LEFT.answer(one, missing), given) == fillings_of(TEXT, given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b c d\nA <blank> b c\n", r"line 2 of \S+ holds a <blank of its own"),
        (
            "Write <blank where words are missing, then close it for number 2 please.\n",
            r"line 1 of \S+ holds a <blank of",
        ),
        ("A <BLANK:3> b c\n", r"line 1 of \S+ holds a <blank of its own"),
        ("a ␣ b c\n", r"line 1 of \S+ holds ␣ \(U\+2423\)"),
        ("a b c\n\n", r"line 2 of \S+ is empty where the text should be"),
    ],
)
def test_a_text_with_a_mark_of_its_own_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TextError, match=message):
        read(tmp_path, text)


def test_no_gap_ends_inside_a_token() -> None:
    text = "It costs 3.5 or 1,000 at 5:30 in the U.S. from example.com, he said."
    for seed in range(200):
        for span in draw_spans(text, random.Random(seed), 1):
            assert (text[span.begin - 1 : span.begin] or " ") == " "
            assert re.match(r"[.,;:!?]?(\s|$)", text[span.end :]), text[span.begin : span.end]


def test_left_infilling_has_one_blank() -> None:
    with pytest.raises(TextError, match="has more than one <blank>"):
        LEFT.example("A <blank> b <blank> c")
    assert LEFT.answer(LEFT.example("A <blank> b"), "X") == "A X b"


def test_other_characters_stay_as_they_are(tmp_path: Path) -> None:
    (example,) = read(tmp_path, "“Cafe\u0301”\tcosts\u20285 → 6\u00a0€ • per day here\r\n")
    assert example.references == ("“Café” costs 5 → 6 € • per day here",)


def test_texts_with_a_character_that_train_has_not_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = f"{TEXT}\n{TEXT} \u00ad\n{TEXT}\n"
    assert len(read(tmp_path, text)) == 3, "there is no train to compare with"
    read(tmp_path, f"{TEXT}\n", "train")
    assert [one.references for one in read(tmp_path, text)] == [(TEXT,)] * 2
    assert "valid.text: 1 texts are left out, as they have a character that" in caplog.text
    assert read(tmp_path, text, name="left_infilling")[1].details == read(tmp_path, text)[1].details


def test_a_user_may_leave_out_several_words() -> None:
    example = INFILLING.example("A <blank> (old)  <blank:1-3>")
    assert (example.source, example.template) == ("A ␣ (old) ␣", "A <blank> (old) <blank:1-3>")
    with pytest.raises(TextError, match="'A man' has no <blank>"):
        INFILLING.example("A man")


@pytest.mark.parametrize(
    ("text", "given", "found"),
    [
        ("A big dog, she said.", ["A", ", she", "."], ["big dog", "said"]),
        ("b a b a b", ["b", "b"], ["a b a"]),
        ("a b", ["", "b"], ["a"]),
        ("a b", ["a", ""], ["b"]),
        ("a b", ["a", "b"], None),
        ("a", ["a", "a"], None),
        ("A big dog", ["a", "dog"], None),
        ("a x b y", ["a", "c", "y"], None),
        ("", ["a", "b"], None),
    ],
)
def test_what_stands_in_the_blanks_is_found(text: str, given: list[str], found: list[str] | None) -> None:
    assert fillings_of(text, given) == found


def test_given_words_are_kept_around_an_empty_blank() -> None:
    gold = Gold([["A dog runs."]], details=[{"given": ["A", "runs."], "missing": ["dog"]}])
    scale = kept(gold)
    assert scale is not None
    assert [scale.score(Output([text], [[]])) for text in ("A runs.", "A dog runs.", "A dog walks.")] == [100, 100, 0]


def test_blanks_of_known_size_have_the_tokens_that_are_missing(tmp_path: Path) -> None:
    example = Example("a ␣ c ␣", template="a <blank> c <blank>", details={"missing": ["x y", "z"]})
    assert sized(example, lambda text: text.replace("z", "z@@ z@@ z")).template == "a <blank:2> c <blank:3>"
    (tmp_path / "valid.text").write_text(f"{TEXT}\n")
    write_pipeline(tmp_path / "text.json", TextPipeline({"source": Side("en"), "target": Side("en")}))
    words = ["format", "infilling", str(tmp_path), str(tmp_path / "text")]
    main([*words, "--text-pipeline", str(tmp_path / "text.json")])
    _, (one,) = read_examples(tmp_path / "text" / "valid.jsonl")
    size = len(one.details["missing"][0].split())
    infill, known = ((tmp_path / "text" / f"valid.{ending}").read_text() for ending in ("infill", "sized"))
    assert infill == f"{one.source}\t{one.template}\n" and known == infill.replace("<blank>", f"<blank:{size}>")


def test_sizes_of_blanks_are_for_templates(tmp_path: Path) -> None:
    (tmp_path / "train.text").write_text(f"{TEXT}\n")  # has gaps and no templates
    write_pipeline(tmp_path / "text.json", TextPipeline({"source": Side("en"), "target": Side("en")}))
    words = ["format", "infilling", str(tmp_path), str(tmp_path / "text")]
    with pytest.raises(SystemExit, match=r"--text-pipeline .*text.json: there is no template of the format infilling"):
        main([*words, "--text-pipeline", str(tmp_path / "text.json")])
    assert not (tmp_path / "text").exists()


def test_the_right_text_is_filled_rightly_even_where_a_word_stands_twice() -> None:
    gold = Gold([["a x c y c d e"]], details=[{"given": ["a", "c", "e"], "missing": ["x c y", "d"]}])
    (text,) = gold.references[0]
    scale = blank_exact(gold)
    assert scale is not None and scale.score(Output([str(text)], [[]])) == 100
    assert fillings_of(str(text), ["a", "c", "e"]) == ["x", "y c d"], "the shortest filling is another"


def test_the_draws_of_a_text_differ_and_hang_on_the_seed(tmp_path: Path) -> None:
    (tmp_path / "train.text").write_text(f"{TEXT}\n")
    first, again, other = ([one.source for one in INFILLING.read(Part(tmp_path, "train", seed))] for seed in (1, 1, 2))
    assert len(set(first)) > 1 and first == again != other
