"""Every measure of the table, on outputs whose score can be worked out by hand or by sacreBLEU itself."""

from __future__ import annotations

from typing import Optional

import pytest
from sacrebleu.metrics import BLEU, CHRF

from fairseq_cmlm.measures.measure import Gold, Output
from fairseq_cmlm.measures.table import MEASURES

TEXTS = ["it isn't a big cat", "a a dog sat on it"]
TOKENS = [["it", "is", "n@@", "&apos;t", "a", "big", "wo@@", "lf@@"], ["a", "a", "dog", "sat", "on", "it"]]
REFERENCES = [["it isn't a big cat", "a dog sat on it"], ["it is no big cat", "one dog sat on it"]]
WORDS = ["it is n&apos;t a big wolf", "a a dog sat on it"]
OUTPUT = Output(TEXTS, TOKENS, candidate_lengths=[[9, 8], [5]])
GOLD = Gold(REFERENCES, tokenised_reference=WORDS, lengths=[9, 7])


@pytest.mark.parametrize(
    ("name", "score", "signature"),
    [
        ("bleu", BLEU().corpus_score(TEXTS, REFERENCES).score, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|"),
        ("chrf", CHRF().corpus_score(TEXTS, REFERENCES).score, "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|"),
        ("repetition", 100 / 14, ""),
        ("tokenised_bleu", 100.0, "nrefs:1|case:mixed|eff:no|tok:none|smooth:exp|"),
        ("length_accuracy", 50.0, ""),
    ],
)
def test_each_measure_gives_its_score_and_signature(name: str, score: float, signature: str) -> None:
    scale = MEASURES[name].scale(GOLD)
    assert scale is not None and scale.score(OUTPUT) == pytest.approx(score)
    assert scale.signature.startswith(signature) and bool(scale.signature) == bool(signature)


def test_every_measure_has_a_row_above() -> None:
    (mark,) = test_each_measure_gives_its_score_and_signature.pytestmark  # type: ignore[attr-defined]
    assert [row[0] for row in mark.args[1]] == list(MEASURES)


@pytest.mark.parametrize(
    ("name", "gold"), [("tokenised_bleu", Gold(REFERENCES)), ("length_accuracy", Gold(REFERENCES))]
)
def test_a_measure_without_what_it_reads_gives_none(name: str, gold: Gold) -> None:
    assert MEASURES[name].scale(gold) is None


def test_length_accuracy_needs_the_candidates() -> None:
    scale = MEASURES["length_accuracy"].scale(GOLD)
    found: Optional[float] = scale.score(Output(TEXTS, TOKENS)) if scale else 0.0
    assert found is None
