"""Answers taken from a text: a tiny model whose target is the words between two marks of its source."""

from __future__ import annotations

import random

import pytest
from fairseq_commands import preprocess, train

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.extractor import Extractor
from fairseq_cmlm.inference.spans import Search


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    """A model that has learned to write `one` or `two three` as its source begins with x or y."""
    folder = tmp_path_factory.mktemp("spans")
    drawn = random.Random(1)
    for split, size in (("train", 200), ("valid", 10)):
        lines = [(drawn.choice("xy"), drawn.sample(["one", "two three", "four", "fi@@ ve"], 4)) for _ in range(size)]
        (folder / f"{split}.src").write_text("".join(f"{mark} {' '.join(words)}\n" for mark, words in lines))
        (folder / f"{split}.tgt").write_text("".join("one\n" if mark == "x" else "two three\n" for mark, _ in lines))
    data = preprocess(folder, folder / "data", "--joined-dictionary", splits=("train", "valid"))
    train(data, folder, "--share-all-embeddings", "--lr", "3e-3", "--max-source-positions", 12, updates=120)
    return Extractor(folder / "checkpoint_last.pt")


CONTEXT = "four one two three fi@@ ve"


@pytest.mark.parametrize("passes", [1, 4])
def test_the_likeliest_span_is_found(extractor: Extractor, passes: int) -> None:
    found = extractor.extract([f"x {CONTEXT}", f"y {CONTEXT}"], [CONTEXT] * 2, search=Search(3, 10, passes))
    assert [one.text for one in found] == ["one", "two three"]
    assert all(one.score < 0 and one.cut == 0 for one in found)


def test_an_answer_is_there_in_whole_known_words(extractor: Extractor) -> None:
    contexts = ["fi@@ ve", "ve", "unknown four words", "unknown", ""]
    found = extractor.extract([f"x {context}" for context in contexts], contexts)
    assert [one.text for one in found] == ["fi@@ ve", "ve", "four", "", ""]
    assert found[-1].score == float("-inf")


def test_long_sources_and_wrong_numbers_are_refused(extractor: Extractor) -> None:
    with pytest.raises(TextError, match="1 sources and 2 contexts"):
        extractor.extract(["x"], ["one", "two"])
    with pytest.raises(TextError, match=r"texts\[0\] has 14 tokens"):
        extractor.extract(["x " + "four " * 12], ["four"])
    assert extractor.extract(["x " + "four " * 12], ["four"], cut=True)[0].cut == 2
    for wrong in (-1.0, 11.0, float("nan"), float("inf")):
        with pytest.raises(OptionError, match=f"lenpen {wrong} of a search among spans must be from 0 to 10"):
            extractor.extract(["x"], ["one"], search=Search(lenpen=wrong))
    for name in ("longest", "kept", "passes"):
        with pytest.raises(OptionError, match=f"{name} 0 of a search among spans must be 1 or more"):
            extractor.extract(["x"], ["one"], search=Search(**{name: 0}))


def test_what_is_cut_is_no_answer(extractor: Extractor) -> None:
    """Of a source that is cut, as many tokens of the context are not read."""
    context = "four " * 10 + "one one"
    (found,) = extractor.extract([f"x {context}"], [context], search=Search(1, 50, 1), cut=True)
    assert found.cut == 2 and found.text == "four"


def test_a_source_longer_than_those_of_the_training_is_warned_of(
    extractor: Extractor, caplog: pytest.LogCaptureFixture
) -> None:
    extractor.extract([f"x {CONTEXT}"], [CONTEXT])
    assert not caplog.records
    extractor.extract(["x" + " four" * 10], ["four"])
    assert caplog.messages[0].startswith("a source of 12 tokens is longer than those of the training")
