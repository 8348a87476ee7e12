"""The document of a trace, and its three forms."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import made_up_trace as made
import pytest
from sacrebleu.metrics import BLEU

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.tracing import check_outputs, trace_document, write_trace

LANGUAGES = ("de", "en")


def document(references: Any = made.REFERENCES) -> dict[str, Any]:
    return trace_document(made.TEXTS, made.runs(), LANGUAGES, references)


def test_the_document_holds_every_pass_of_every_candidate() -> None:
    found = document()
    assert [run["signature"] for run in found["runs"]] == ["strategy:mask_predict", "strategy:other"]
    for i, sentence in enumerate(found["sentences"]):
        assert sentence["text"] == made.TEXTS[i]
        assert [one["source"] for one in sentence["decodings"]] == [list(made.SOURCES[i])] * 2
        for run, decoding in zip(made.runs(), sentence["decodings"]):
            candidates = run.translations[i].candidates + run.translations[i].given_up
            assert [one["given_up"] for one in decoding["candidates"]] == [
                one in run.translations[i].given_up for one in candidates
            ]
            for shown, one in zip(decoding["candidates"], candidates):
                without = {key: value for key, value in shown.items() if key not in ("given_up", "bleu")}
                assert without == json.loads(json.dumps(asdict(one)))


def test_bleu_is_of_the_tokens_of_the_target_language() -> None:
    found = trace_document(made.TEXTS, made.runs(), ("en", "zh"), made.REFERENCES)
    assert "tok:zh" in found["bleu_signature"] and "tok:13a" in document()["bleu_signature"]


def test_numbers_are_rounded_and_nothing_else() -> None:
    run = made.runs()[0]
    first = run.translations[0].candidates[0]
    assert first.history is not None
    fine = replace(first.history[0], probabilities=[1 / 3] * 4, attention=[[1 / 3] * 4] * 4, score=-1.23456)
    translation = replace(run.translations[0], candidates=[replace(first, history=[fine])])
    found = trace_document(made.TEXTS[:1], [replace(run, translations=[translation])], LANGUAGES)
    (shown,) = found["sentences"][0]["decodings"][0]["candidates"][0]["history"]
    assert shown["probabilities"] == [0.3333] * 4 and shown["attention"] == [[0.33] * 4] * 4
    assert shown["score"] == -1.235 and shown["masked_again"] == fine.masked_again and shown["ranks"] == fine.ranks


def test_bleu_by_pass_and_the_oracle() -> None:
    """Of all sentences a finished candidate stays as it is; the oracle is the best of those that were not given up."""
    found = document()
    texts = [
        [" ".join(passes[min(done, len(passes) - 1)][0][:-1]) for passes in (made.ENGLISH, made.HEBREW, made.ONE)]
        for done in range(3)
    ]
    expected = [BLEU().corpus_score(one, [made.REFERENCES]).score for one in texts]
    assert found["runs"][0]["bleu"] == pytest.approx(expected, rel=1e-3)
    single = BLEU(effective_order=True)
    first = found["sentences"][0]["decodings"][0]
    for candidate in first["candidates"]:
        assert candidate["bleu"] == pytest.approx(
            [single.sentence_score(one["text"], [made.REFERENCES[0]]).score for one in candidate["history"]], rel=1e-3
        )
    assert first["oracle"] == 0
    other = trace_document(made.TEXTS, made.runs(), LANGUAGES, ["the small dog sleeps", *made.REFERENCES[1:]])
    assert other["sentences"][0]["decodings"][0]["oracle"] == 1
    lost = trace_document(made.TEXTS, made.runs(), LANGUAGES, ["dog", *made.REFERENCES[1:]])
    assert lost["sentences"][0]["decodings"][0]["oracle"] != 2


def test_without_references_there_is_no_bleu() -> None:
    found = document(None)
    assert found["bleu_signature"] is None and [run["bleu"] for run in found["runs"]] == [None, None]
    decoding = found["sentences"][0]["decodings"][0]
    assert decoding["oracle"] is None and {one["bleu"] for one in decoding["candidates"]} == {None}


def test_all_forms_hold_the_same_and_are_written_together(tmp_path: Path) -> None:
    outputs = [tmp_path / "new" / f"trace.{end}" for end in ("html", "json", "svg")]
    write_trace(document(), outputs)
    page, data, picture = (path.read_text("utf-8") for path in outputs)
    assert json.loads(data) == document()
    (packed,) = re.findall(r'<script id="data" type="application/gzip\+base64">([A-Za-z0-9+/=]+)</script>', page)
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == document()
    assert "&lt;script&gt;" in picture and made.SCRIPT not in picture and made.SCRIPT not in page
    before = [path.read_bytes() for path in outputs]
    write_trace(document(), outputs)
    assert [path.read_bytes() for path in outputs] == before, "the same trace is the same file"


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(OptionError, match=r"--output t\.pdf must end in \.html, \.json, \.svg"):
        check_outputs([Path("t.html"), Path("t.pdf")])
