"""Documents by tiny models, masked and autoregressive: in windows, in blocks, and paragraph by paragraph."""

from __future__ import annotations

import logging
import random
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from fairseq_commands import TEACHER, TINY, USER_DIR
from fairseq_commands import run as fairseq

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.document_translator import WAYS, DocumentTranslator
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.inference.windows import OpenDocument, Paragraph
from fairseq_cmlm.plugin.autoregressive_documents import AutoregressiveDocuments
from fairseq_cmlm.plugin.paragraph_mark import check_sizes, most_tokens

SIDES = ("-s", "source", "-t", "target")
WORDS = "abcdefgh"


class Task(NamedTuple):
    """Examples, and a masked and an autoregressive model that have learned a little of them."""

    text: Path
    masked: Path
    autoregressive: Path


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """Capitals of letters, in documents of up to nine paragraphs."""
    folder, draw = tmp_path_factory.mktemp("documents"), random.Random(1)
    for split, size in (("train", 60), ("valid", 6)):
        paragraphs = [
            (f"{split}{number}", " ".join(draw.choices(WORDS, k=draw.randint(1, 4))))
            for number in range(size)
            for _ in range(draw.randint(1, 9))
        ]
        (folder / f"{split}.doc").write_text("".join(f"{name}\n" for name, _ in paragraphs))
        (folder / f"{split}.source").write_text("".join(f"{text}\n" for _, text in paragraphs))
        (folder / f"{split}.target").write_text("".join(f"{text.upper()}\n" for _, text in paragraphs))
    text, work = folder / "text", folder / "work"
    main(["format", "documents", str(folder), str(text)])
    plain = ["--language", "en", "--tokenizer", "none", "--whole-words", "--workers", "1"]
    main(["prepare", str(text), str(work), *SIDES, *plain])
    data = work / "data"
    masked = (*("--user-dir", USER_DIR, "--task", "translation_cmlm"), *TINY, "--lr", "1e-2")
    fairseq("train", data, *SIDES, *masked, "--max-update", 150, "--save-dir", folder / "masked")
    fairseq("train", data, *SIDES, *TEACHER, "--max-epoch", 3, "--save-dir", folder / "left")
    return Task(text, *(folder / name / "checkpoint_last.pt" for name in ("masked", "left")))


@pytest.fixture(scope="module")
def translator(task: Task) -> DocumentTranslator:
    return DocumentTranslator(task.masked)


DOCUMENTS = [["a b", "c d e", "", "f"], ["g h a"] * 30, [], ["b"]]


@pytest.mark.parametrize("way", WAYS)
def test_every_paragraph_of_a_document_of_any_length_is_translated(translator: DocumentTranslator, way: str) -> None:
    found = translator.translate_documents(DOCUMENTS, way=way, iterations=2, length_beam=2)
    assert [len(one.paragraphs) for one in found] == [4, 30, 0, 1]
    assert all(text for one in found for text in one.paragraphs if text != found[0].paragraphs[2])
    assert not any("¶" in text for one in found for text in one.paragraphs)
    assert found[0].paragraphs[2] == ""
    windows = [one.windows for one in found]
    assert windows == ([4, 30, 0, 1] if way == "paragraphs" else [1, windows[1], 0, 1])
    assert way == "paragraphs" or 3 <= windows[1] < 15, "30 paragraphs of 3 tokens and a mark, 40 at most at once"
    assert found[1].passes <= 2 * (windows[1] if way == "windows" else 30)
    assert (found[1].passes > 30) == (way != "windows")
    alone = translator.translate_documents(DOCUMENTS[:1], way=way, iterations=2, length_beam=2, max_tokens=1)
    assert alone[0] == found[0]


def test_windows_change_what_is_read(translator: DocumentTranslator) -> None:
    small = translator.translate_documents(DOCUMENTS, longest=8, iterations=2)
    large = translator.translate_documents(DOCUMENTS, longest=40, iterations=2)
    assert small[1].windows > large[1].windows > 1


def test_what_training_saw_is_the_limit(translator: DocumentTranslator, caplog: pytest.LogCaptureFixture) -> None:
    longest = translator._task.longest
    assert longest is not None and 20 < longest[0] <= 46
    with caplog.at_level(logging.WARNING):
        (found,) = translator.translate_documents([["a", "b " * 29, "c"]], longest=20, iterations=2)
    assert all(found.paragraphs) and found.windows == 3
    told = "1 paragraph(s) have more tokens than a window of 20, the first is paragraph 2 of documents[0] with 30: each"
    assert caplog.messages == [f"{told} is read alone"], "which is no more than the training had"
    caplog.clear()
    with pytest.raises(TextError, match=r"paragraph 2 of documents\[0\] has 80 tokens .*split it"):
        translator.translate_documents([["a", "b " * 79]])
    with pytest.raises(OptionError, match="windows of 41 tokens are not possible: the model reads and writes 2 to 40"):
        translator.translate_documents([["a"]], longest=41)
    translator._task.longest = (5, 5)
    try:
        with caplog.at_level(logging.WARNING):
            translator.translate(["a b c d"] * 2, iterations=1, length_beam=1, length_budget=3)
            assert not caplog.records
            translator.translate(
                ["a b c d e", "a b c d e f"], iterations=1, length_beam=1, length_budget=3, max_tokens=1
            )
            (record,) = caplog.records
            assert (
                "a source of 6 tokens is longer than those of the training, of which few have more than 5"
                in record.message
            )
            translator.translate(["a b"], iterations=1, length_beam=1, length_budget=5)
            assert (
                "a target of 6 tokens is longer than those of the training, of which few have more than 5"
                in caplog.records[1].message
            )
    finally:
        translator._task.longest = longest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"way": "pages"}, "way 'pages' is none of windows, blocks, paragraphs"),
        ({"strategy": "left_to_right"}, "--decoding-strategy left_to_right is not for documents"),
        ({"strategy": "remdm_cap"}, "--decoding-strategy remdm_cap is not for documents"),
        ({"temperature": 0.5}, "--sampling-temperature 0.5 is not for documents: leave it out"),
        ({"gold_target_length": True}, "--gold-target-length True is not for documents"),
    ],
)
def test_what_is_not_for_documents_is_refused(
    translator: DocumentTranslator, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        translator.translate_documents([["a"]], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("documents", "message"),
    [("ab", "must be lists of paragraphs"), (["ab"], "must be lists"), ([["a ¶"]], "paragraph 1 .* without ¶")],
)
def test_what_is_no_document_is_refused(translator: DocumentTranslator, documents: object, message: str) -> None:
    with pytest.raises(TextError, match=message):
        translator.translate_documents(documents)  # type: ignore[arg-type]


def test_the_limits_are_those_of_model_and_training(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert most_tokens(None, (40, 30), (50, 20)) == (40, 20)
        assert most_tokens(20, (40, 30), (50, 20)) == (20, 20)
        assert not caplog.records
        assert most_tokens(25, (40, 30), (50, 20)) == (25, 25)
        assert most_tokens(None, (40, 30), None) == (40, 30)
    # fairseq's Transformer tells nothing of its training.
    beyond, unknown = caplog.messages
    assert "windows of 25 tokens are longer than the texts of the training (source and target of 50 and 20)" in beyond
    assert "up to 30 tokens" in unknown and "--longest" in unknown


def test_a_paragraph_whose_translation_no_window_holds_is_told(caplog: pytest.LogCaptureFixture) -> None:
    pending = [OpenDocument([Paragraph("a", 3, 3), Paragraph("b", 3, 9), Paragraph("c", 9, 9)])]
    check_sizes(pending, (5, 6), 20)
    wrong = "and what stands beyond the window is likely to be wrong. Split it"
    read = (
        "1 paragraph(s) have more tokens than a window of 5, the first is paragraph 3 of documents[0] with 10: each is"
    )
    written = "1 paragraph(s) may get a translation of more tokens than a window of 6, the first is paragraph 2 of"
    written += " documents[0] with 10: each is"
    assert caplog.messages == [f"{read} read alone, {wrong}", f"{written} written alone, {wrong}"]
    caplog.clear()
    check_sizes(pending, (5, 6), 20, trained=(9, 6))
    assert caplog.messages == [f"{read} read alone", f"{written} written alone, {wrong}"]


@pytest.fixture(scope="module")
def left(task: Task) -> AutoregressiveDocuments:
    return AutoregressiveDocuments(task.autoregressive, None, (None, None), None, "cpu")


@pytest.mark.parametrize("way", ["windows", "paragraphs"])
def test_an_autoregressive_model_reads_the_same_windows(left: AutoregressiveDocuments, way: str) -> None:
    found = left.translate_documents(DOCUMENTS, way=way, longest=40, beam=2)
    assert [len(texts) for texts in found.texts] == [4, 30, 0, 1]
    assert (found.windows == 35) == (way == "paragraphs") and 0 <= found.miscounted <= found.windows
    assert not any("¶" in text for texts in found.texts for text in texts)
    assert [passes > 0 for passes in found.passes] == [True, True, False, True]


def test_what_stands_is_the_prefix_of_the_next_window(
    left: AutoregressiveDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = left._task.target_dictionary
    a, mark = target.index("A"), target.index("¶")
    asked: list[list[int]] = []

    def generate(generator: object, source: object, prefixes: list[list[int]]) -> list[list[int]]:
        asked.extend(prefixes)
        return [[*prefix, a, mark, a, a, target.eos()] for prefix in prefixes]

    monkeypatch.setattr(left, "_generate", generate)
    found = left.translate_documents([["a b"] * 5, ["c d"]], longest=12)
    # Four paragraphs fit at first, and one of them is read again with the fifth.
    assert asked == [[], [], [mark]]
    assert found.texts == [["A", "A A", "", "", "A A A"], ["A A A"]]
    assert (found.passes, found.windows, found.miscounted) == ([10, 5], 3, 3)


def test_the_command_prints_what_score_reads(task: Task, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    valid = str(task.text / "valid.jsonl")
    for name, words in {
        "masked": [task.masked, "--way", "blocks", "--decoding-iterations", "2"],
        "left": [task.autoregressive, "--beam", "2", "--longest", "30"],
    }.items():
        capsys.readouterr()
        main(["documents", str(words[0]), valid, *map(str, words[1:])])
        (tmp_path / f"{name}.out").write_text(capsys.readouterr().out)
    main(["score", str(tmp_path / "masked.out"), str(tmp_path / "left.out"), "--examples", valid])
    table = capsys.readouterr().out
    assert table.startswith("| 6 examples of valid | document BLEU | document chrF | length ratio | passes |")
    assert re.search(r"decoding of masked: documents\|way:blocks\|longest:trained\|windows:\d+\|strategy:", table)
    assert "decoding of left: documents|way:windows|longest:30|windows:" in table and "|autoregressive|beam:2" in table
    for words, message in (
        (["--way", "blocks"], "--way blocks is not of an autoregressive model"),
        (["--decoding-iterations", "2"], "is autoregressive, and has no iterations: leave that out"),
    ):
        with pytest.raises(SystemExit, match=message):
            main(["documents", str(task.autoregressive), valid, *words])
