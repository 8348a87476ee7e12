"""A bundle translates as its checkpoint does under torch: the same tokens and reasons, nearly the same numbers."""

from __future__ import annotations

import math
import random
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from fairseq_cmlm import Translator
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.runtime import Bundle
from fairseq_cmlm.translation import Translation

ODD = ["", "   ", "a bird", "the <mask> </s> &amp; wörd", "bird " * 39, "Dogs, dogs; dogs don't ."]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"iterations": 4, "length_beam": 3},
    {"preset": "fast"},
    {"iterations": 0, "mask_schedule": "cosine", "length_beam": 2},
    {"iterations": 1, "length_beam": 20, "length_prior": 0.0},
    {"strategy": "without_remasking", "mask_schedule": "square"},
    {"strategy": "without_remasking", "iterations": 20, "confidence_threshold": 0.3},
    {"mask_schedule": "square_root", "confidence_threshold": 0.5, "stop_unchanged": 1},
    {"stop_unchanged": 2, "iterations": 30, "length_beam": 1},
    {"iterations_per_token": 0.4, "halve_candidates": 2, "length_beam": 7},
    {"halve_candidates": 1, "confidence_threshold": 0.2},
    {"length_budget": 6},
    {"length_scale": 1.3, "iterations": 3},
    {"length_scale": 0.5, "halve_candidates": 1, "length_beam": 7},
]


@pytest.fixture(scope="module")
def texts(text: Path) -> list[str]:
    return (text / "test.src").read_text().splitlines() + ODD


def close(found: Any, wanted: Any) -> bool:
    """Whether two values are equal, numbers but for their last digits."""
    if is_dataclass(wanted) and not isinstance(wanted, type):
        return close(asdict(found), asdict(wanted))
    if isinstance(wanted, float):
        return found == wanted or math.isclose(found, wanted, rel_tol=1e-4, abs_tol=1e-5)
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(close(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, (list, tuple)):
        return len(found) == len(wanted) and all(map(close, found, wanted))
    return bool(found == wanted)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_bundle_translates_as_the_checkpoint_does(
    options: dict[str, Any], translator: Translator, bundle: Path, texts: list[str]
) -> None:
    wanted = translator.translate(texts, history=True, alternatives=3, **options)
    found = Bundle(bundle).translate(texts, history=True, alternatives=3, **options)
    for text, one, other in zip(texts, found, wanted):
        assert close(one, other), text
    plain = Bundle(bundle).translate(texts, **options)
    assert [one.text for one in plain] == [one.text for one in wanted]
    assert all(found[i].given_up == [] or plain[i].given_up for i in range(len(texts)))
    assert all(one.history is None for made in plain for one in (*made.candidates, *made.given_up))


@pytest.mark.parametrize("options", [{}, {"preset": "fast"}, {"iterations": 4, "length_beam": 3}], ids=str)
def test_hundreds_of_sentences_have_the_same_tokens(
    options: dict[str, Any], translator: Translator, bundle: Path, text: Path
) -> None:
    words = sorted(set((text / "train.src").read_text().split()))
    draw = random.Random(1)
    texts = [" ".join(draw.choices(words, k=draw.randint(1, 30))) for _ in range(300)]
    wanted = translator.translate(texts, history=True, **options)
    found = Bundle(bundle).translate(texts, history=True, **options)
    for one, other in zip(map(tokens, found), map(tokens, wanted)):
        assert one == other


def tokens(translation: Translation) -> list[tuple[int, int, list[str]]]:
    """Number, passes and tokens of each candidate, best first."""
    return [(one.number, one.passes, one.history[-1].written if one.history else []) for one in translation.candidates]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_decoding_has_the_same_signature(options: dict[str, Any], bundle: Path) -> None:
    assert Bundle(bundle).signature(**options) == Decoding.of(**options).signature()


def test_the_passes_are_told_as_they_are_made(bundle: Path) -> None:
    told: list[Any] = []
    found = Bundle(bundle).translate(["a bird", "a dog"], watch=lambda *one: told.append(one), iterations=3)
    for number, translation in enumerate(found):
        for one in translation.candidates:
            assert one.history == [made for text, candidate, made in told if (text, candidate) == (number, one.number)]


def test_eight_bits_are_nearly_as_good(bundle: Path, texts: list[str]) -> None:
    exact, rounded = Bundle(bundle).translate(texts), Bundle(bundle, dtype="int8").translate(texts)
    assert exact != rounded
    assert sum(abs(one.score - other.score) for one, other in zip(exact, rounded)) / len(texts) < 0.1
    alone = Bundle(bundle, dtype="int8").translate(texts[3:4])
    assert alone == rounded[3:4]  # whatever else is translated
    assert Bundle(bundle).translate(texts, dtype="int8") == rounded
