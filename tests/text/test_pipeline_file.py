from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from sentencepiece_model import write_model

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.text.pipeline import Side, TextPipeline
from fairseq_cmlm.text.pipeline_file import agreed, from_json, read_pipeline, to_json, write_pipeline
from fairseq_cmlm.text.subwords import SubwordModel, read_subwords
from fairseq_cmlm.text.usual import usual_side

CODES = SubwordModel("subword-nmt", b"#version: 0.2\nt h\nth e</w>\n")
PIPELINE = TextPipeline({"en": usual_side("en", subwords=CODES), "ro": usual_side("ro", subwords=CODES)})


def test_a_pipeline_comes_back_from_its_file(tmp_path: Path) -> None:
    write_pipeline(tmp_path / "text.json", PIPELINE)
    found = read_pipeline(tmp_path / "text.json")
    assert found == PIPELINE and list(found.sides) == ["en", "ro"]
    content = (tmp_path / "text.json").read_text()
    assert content.count("th e</w>") == 1, "what both languages share is there once"


def test_a_model_of_bytes_comes_back(tmp_path: Path) -> None:
    model = read_subwords("sentencepiece", write_model(tmp_path, "the dog\nthe boat\n" * 9, vocab_size=20))
    pipeline = TextPipeline({"en": Side("en", ("nfc",), None, model), "zh": usual_side("zh")})
    assert from_json(to_json(pipeline), "it") == pipeline


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    content = json.loads(to_json(PIPELINE))
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it is damaged or no text pipeline: it is not JSON"),
        (to_json(PIPELINE)[:-20], "it is damaged or no text pipeline: it is not JSON"),
        ("[]", "it is no text pipeline: give the text.json"),
        ('{"model": "x"}', "it is no text pipeline: give the text.json"),
        (changed(lambda it: it.update(version=2)), "it has the version 2, and this fairseq_cmlm reads 1: update"),
        (changed(lambda it: it.pop("languages")), "it is a damaged text pipeline .it lacks 'languages'."),
        (changed(lambda it: it["languages"].clear()), "it is a damaged text pipeline .it has no language"),
        (changed(lambda it: it["subwords"].clear()), r"damaged text pipeline \(the subwords [0-9a-f]{8} are missing"),
        (
            changed(lambda it: it["subwords"][CODES.digest].update(text="#version: 0.2\n")),
            "damaged text pipeline .the subwords [0-9a-f]{8} have another SHA-256",
        ),
        (
            changed(lambda it: it["subwords"][CODES.digest].update(kind="wordpiece")),
            "damaged text pipeline .the kind of subwords 'wordpiece' is none of subword-nmt, sentencepiece",
        ),
        (
            changed(lambda it: it["languages"]["en"].update(normalise=["nfd"])),
            "damaged text pipeline .the normaliser 'nfd' is none of nfc",
        ),
        (
            changed(lambda it: it["languages"]["en"].update(tokenizer="spacy")),
            "damaged text pipeline .the tokenizer 'spacy' is none of moses",
        ),
        (changed(lambda it: it["languages"]["en"].update(normalise="nfc")), "damaged text pipeline"),
        (changed(lambda it: it["languages"].update(en=[])), "damaged text pipeline"),
    ],
)
def test_what_is_damaged_foreign_or_newer_is_refused_in_one_line(content: str, message: str) -> None:
    with pytest.raises(TextError, match=message) as refused:
        from_json(content, "it")
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="none cannot be read: No such file"):
        read_pipeline(tmp_path / "none")
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04\xff")
    with pytest.raises(TextError, match=r"model\.pt is no text pipeline: it is not UTF-8"):
        read_pipeline(tmp_path / "model.pt")


def test_two_places_must_agree() -> None:
    other = TextPipeline({name: usual_side(name) for name in ("en", "ro")})
    assert agreed(None, PIPELINE, "") == agreed(PIPELINE, None, "") == agreed(PIPELINE, PIPELINE, "") == PIPELINE
    assert agreed(None, None, "") is None
    with pytest.raises(TextError, match=r"here and there prepare text in two ways: en-ro\|.* and en-ro\|.*"):
        agreed(PIPELINE, other, "here and there")
