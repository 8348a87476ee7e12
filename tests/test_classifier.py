"""Classification from Python: a tiny model that says whether a text has more of `a` or of `b`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fairseq_commands import preprocess, train

from fairseq_cmlm.classifier import Classifier
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.translator import Translator

LABELS = ["it is much a .", "it is b ."]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of short texts, whose class is their first word; it reads 12 tokens."""
    folder = tmp_path_factory.mktemp("labels")
    for split, size in (("train", 200), ("valid", 10)):
        texts = [("a b", "b a", "a a b", "b b a")[i % 4] + " c" * (i % 7) for i in range(size)]
        (folder / f"{split}.src").write_text("".join(f"{text}\n" for text in texts))
        (folder / f"{split}.tgt").write_text("".join(f"{LABELS[text[0] == 'b']}\n" for text in texts))
    data = preprocess(folder, folder / "data", "--joined-dictionary", splits=("train", "valid"))
    train(data, folder, "--share-all-embeddings", "--lr", "1e-2", "--max-source-positions", 12, updates=60)
    return folder / "checkpoint_last.pt"


@pytest.fixture(scope="module")
def classifier(checkpoint: Path) -> Classifier:
    return Classifier(checkpoint)


def test_a_trained_model_classifies(classifier: Classifier) -> None:
    found = classifier.classify(["a b c c", "b a", "a a b"], LABELS)
    assert [one.label for one in found] == [LABELS[0], LABELS[1], LABELS[0]]
    for one in found:
        assert sum(one.probabilities.values()) == pytest.approx(1) and one.cut == 0
        assert max(one.probabilities, key=lambda label: one.probabilities[label]) == one.label


def test_a_label_is_what_the_decoder_fills_into_the_template(classifier: Classifier) -> None:
    """Of two labels of one token, the likelier one is the better filling of the blank."""
    texts = ["a b", "b a", "b b a c", "a a b c c"]
    labels = ["it is a .", "it is b ."]
    filled = classifier.translate(texts, ["it is <blank:1> ."] * 4, iterations=1, length_beam=1)
    assert [one.label for one in classifier.classify(texts, labels)] == [one.text for one in filled]


def test_the_temperature_changes_how_sure_it_is(classifier: Classifier) -> None:
    sharp, flat = (classifier.classify(["a b"], LABELS, temperature=t)[0] for t in (1, 5))
    assert sharp.label == flat.label and sharp.log_likelihoods == flat.log_likelihoods
    assert max(sharp.probabilities.values()) > max(flat.probabilities.values()) > 0.5


def test_the_batch_changes_nothing(classifier: Classifier) -> None:
    texts = ["a b c c c", "b", "", "a a b c", "b a c c c c"]
    together = classifier.classify(texts, LABELS)
    for text, one in zip(texts, together):
        (alone,) = classifier.classify([text], LABELS, max_tokens=1)
        assert alone.label == one.label
        assert list(alone.probabilities.values()) == pytest.approx(list(one.probabilities.values()), abs=1e-4)
    assert classifier.classify([], LABELS) == []


def test_a_long_text_is_refused_or_cut(classifier: Classifier) -> None:
    text = "b a" + " c" * 20
    with pytest.raises(TextError, match=r"texts\[1\] has 23 tokens .* at most 12: shorten it, or .* cut=True"):
        classifier.classify(["a", text], LABELS)
    short, cut = classifier.classify(["b a" + " c" * 9, text], LABELS, cut=True)
    assert (short.cut, cut.cut) == (0, 11)
    assert short.probabilities == pytest.approx(cut.probabilities, abs=1e-4)


def test_several_models_are_averaged(checkpoint: Path, classifier: Classifier) -> None:
    both = Classifier([checkpoint, checkpoint]).classify(["a b"], LABELS)[0]
    assert both.probabilities == pytest.approx(classifier.classify(["a b"], LABELS)[0].probabilities, abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["it is a ."], "two strings or more"),
        ("ab", "two strings or more"),
        (["a", "b", "a"], "the labels 'a' and 'a' are the same"),
        (["a", "dog"], "the label 'dog' has 'dog', which the model's dictionary lacks"),
        (["a", " "], "the label ' ' has no word"),
        (["a", "b " * 300], "has 300 tokens, and the model writes"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(classifier: Classifier, labels: list[str], message: str) -> None:
    with pytest.raises(TextError, match=message):
        classifier.classify(["a"], labels)


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_a_temperature_is_above_nothing(classifier: Classifier, temperature: float) -> None:
    with pytest.raises(OptionError, match="temperature"):
        classifier.classify(["a"], LABELS, temperature=temperature)


def test_it_is_a_translator(classifier: Classifier) -> None:
    assert isinstance(classifier, Translator)
    with pytest.raises(TextError, match="list of strings"):
        classifier.classify("a b", LABELS)


def test_a_text_longer_than_those_of_the_training_is_warned_of(
    classifier: Classifier, caplog: pytest.LogCaptureFixture
) -> None:
    classifier.classify(["a b c", "b a c c"], LABELS)
    assert not caplog.records
    classifier.classify(["a b c", "a" + " c" * 10, "a" + " c" * 10], LABELS)
    (warned,) = caplog.messages
    assert warned.startswith("a source of 12 tokens is longer than those of the training")
    caplog.clear()
    classifier.classify(["a" + " c" * 40], LABELS, cut=True)
    assert len(caplog.messages) == 1, "what is left of a text counts"


def test_eight_bits_classify_alike(checkpoint: Path, classifier: Classifier) -> None:
    texts = ["a b c c", "b a", "a a b"]
    found = Classifier(checkpoint, dtype="int8").classify(texts, LABELS)
    assert [one.label for one in found] == [one.label for one in classifier.classify(texts, LABELS)]
