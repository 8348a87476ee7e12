from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from sentencepiece_model import write_model

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.text.subwords import SentencePiece, SubwordModel, read_subwords

CODES = b"#version: 0.2\nt h\nth e</w>\n"
TEXT = "the dog sees the boat\nthe boat hears the dog, isn't it?\nEin Hund — für Käse\n" * 20


def test_words_into_codes_subwords_and_back() -> None:
    model = SubwordModel("subword-nmt", CODES)
    assert model.splitter.split("the then a") == "the th@@ e@@ n a"
    assert model.splitter.join("the th@@ e@@ n a") == "the then a"
    assert model.splitter.join("the th@@") == "the th"
    assert model.splitter.split("") == model.splitter.join("") == ""


def test_text_into_pieces_and_back(tmp_path: Path) -> None:
    model = read_subwords("sentencepiece", write_model(tmp_path, TEXT, vocab_size=60))
    pieces = model.splitter.split("the dog hears, isn't it?")
    assert "▁dog" in pieces.split() and len(pieces.split()) > 5
    assert model.splitter.join(pieces) == "the dog hears, isn't it?"
    # Its own normalisation, nmt_nfkc, writes NFD as NFC.
    assert model.splitter.split("fu\u0308r") == model.splitter.split("für")
    assert model.splitter.join("") == ""


def test_pieces_of_bytes_become_characters(tmp_path: Path) -> None:
    model = read_subwords("sentencepiece", write_model(tmp_path, TEXT, vocab_size=400, byte_fallback=True))
    pieces = model.splitter.split("the 狗 dog")
    assert "<0xE7> <0x8B> <0x97>" in pieces
    assert model.splitter.join(pieces) == "the 狗 dog"
    processor = pytest.importorskip("sentencepiece").SentencePieceProcessor(model_proto=model.content)
    for text in (*TEXT.splitlines()[:3], "狗狗 a 狗", "<0xE7> is typed"):
        pieces = model.splitter.split(text)
        assert model.splitter.join(pieces) == processor.decode(pieces.split()) == text
    assert model.splitter.join("▁the <unk> ▁Katze") == "the<unk> Katze", "of another model"


def test_pieces_without_a_mark_are_joined_too(tmp_path: Path) -> None:
    model = read_subwords("sentencepiece", write_model(tmp_path, TEXT, vocab_size=60, add_dummy_prefix=False))
    assert model.splitter.join("d o g") == "dog"


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("subword-nmt", b"#version: 0.2\nno merge at all\n", "does not hold codes that subword-nmt learn-bpe wrote"),
        ("subword-nmt", b"\xff", "does not hold codes that subword-nmt learn-bpe wrote"),
        ("sentencepiece", CODES, "does not hold a model of sentencepiece"),
    ],
)
def test_what_holds_no_subwords_is_named(
    tmp_path: Path, kind: str, content: bytes, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if kind == "sentencepiece":
        pytest.importorskip("sentencepiece")
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(TextError, match=rf"file {message}"):
        read_subwords(kind, tmp_path / "file")
    with pytest.raises(TextError, match="none cannot be read: No such file"):
        read_subwords(kind, tmp_path / "none")
    assert "invalid line" not in capfd.readouterr().err, "in subword-nmt's words"


def test_sentencepiece_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(OptionError, match="a sentencepiece model needs sentencepiece: pip install sentencepiece"):
        SentencePiece(b"")
