"""Every measure of the table, on outputs whose score can be worked out by hand or by sacreBLEU itself."""

from __future__ import annotations

import math
from typing import Optional, Sequence

import pytest
from sacrebleu.metrics import BLEU, CHRF

from fairseq_cmlm.measures.measure import Gold, Output, Perplexity
from fairseq_cmlm.measures.table import TASK_MEASURES

TEXTS = ["it isn't a big cat", "a a dog sat on it"]
TOKENS = [["it", "is", "n@@", "&apos;t", "a", "big", "wo@@", "lf@@"], ["a", "a", "dog", "sat", "on", "it"]]
REFERENCES = [["it isn't a big cat", "a dog sat on it"], ["it is no big cat", "one dog sat on it"]]
WORDS = ["it is n&apos;t a big wolf", "a a dog sat on it"]
OUTPUT = Output(TEXTS, TOKENS, [[9, 8], [5]], label_scores=[[0.0, -30.0]] * 2, temperature=30.0)
DETAILS = [
    {"entities": ["Cat", "Wolf"], "given": ["it isn't a", "cat"], "missing": ["big"], "labels": REFERENCES[0]},
    {"entities": ["a dog", "3.0"], "given": ["a dog", "it"], "missing": ["sat on"], "labels": REFERENCES[0]},
]
SOURCES = ["it isn't a cat", "a dog sat on a mat"]


def made_up(sources: Sequence[str], texts: Sequence[str]) -> float:
    return float(len(sources) + len(texts[1]))


JUDGE = Perplexity(made_up, "judge:made up")
GOLD = Gold(REFERENCES, tokenised_reference=WORDS, lengths=[9, 7], sources=SOURCES, judge=JUDGE, details=DETAILS)


@pytest.mark.parametrize(
    ("name", "score", "signature"),
    [
        ("bleu", BLEU().corpus_score(TEXTS, REFERENCES).score, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|"),
        ("chrf", CHRF().corpus_score(TEXTS, REFERENCES).score, "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|"),
        ("repetition", 100 / 14, ""),
        ("length_ratio", 11 / 10, ""),
        ("tokenised_bleu", 100.0, "nrefs:1|case:mixed|eff:no|tok:none|smooth:exp|"),
        ("length_accuracy", 50.0, ""),
        # "isn't" is three words for distinct-n, and one for BLEU.
        ("distinct_1", 100 * 10 / 13, "of all 1-grams"),
        ("distinct_2", 100.0, "of all 2-grams"),
        ("repeated_words", 100 / 13, ""),
        ("entities", 50.0, ""),
        ("self_bleu", BLEU().corpus_score(TEXTS, [SOURCES]).score, "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|"),
        ("blank_exact", 50.0, "case:mixed"),
        (
            "blank_bleu",
            BLEU().corpus_score(["big", ""], [["big", "sat on"]]).score,
            "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|",
        ),
        ("perplexity", 2 + len(TEXTS[1]), "judge:made up"),
        ("kept", 50.0, ""),
        ("accuracy", 50.0, ""),
        ("macro_f1", 50.0, "scikit-learn:"),
        ("calibration_error", 50.0, "bins:15|temperature:1"),
        ("calibrated_error", 100 * (1 / (1 + math.exp(-1)) - 0.5), "bins:15|temperature:fitted"),
        ("temperature", OUTPUT.temperature, ""),
        ("word_f1", 100.0, "squad|refs:best"),
        ("exact_answer", 100.0, "squad|refs:best"),
        (
            "document_bleu",
            BLEU().corpus_score(TEXTS, REFERENCES).score,
            "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|",
        ),
        ("document_chrf", CHRF().corpus_score(TEXTS, REFERENCES).score, "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|"),
        ("rouge_l", 100 * (1 + 10 / 11) / 2, "rouge-score:"),
    ],
)
def test_each_measure_gives_its_score_and_signature(name: str, score: float, signature: str) -> None:
    if name == "rouge_l":
        pytest.importorskip("rouge_score", reason="rouge-score is not installed: extra `applications`")
    scale = TASK_MEASURES[name].scale(GOLD)
    assert scale is not None and scale.score(OUTPUT) == pytest.approx(score)
    assert scale.signature.startswith(signature) and bool(scale.signature) == bool(signature)


def test_every_measure_has_a_row_above() -> None:
    (mark,) = test_each_measure_gives_its_score_and_signature.pytestmark  # type: ignore[attr-defined]
    # Terms need texts of several paragraphs: test_document_measures.py.
    assert [row[0] for row in mark.args[1]] == [name for name in TASK_MEASURES if name != "terms"]


@pytest.mark.parametrize(
    ("name", "gold"),
    [
        ("tokenised_bleu", Gold(REFERENCES)),
        ("length_accuracy", Gold(REFERENCES)),
        ("entities", Gold(REFERENCES)),
        ("macro_f1", Gold(REFERENCES)),
        ("calibration_error", Gold(REFERENCES)),
        ("calibrated_error", Gold(REFERENCES)),
        ("entities", Gold(REFERENCES, details=[{}, {"entities": []}])),
        ("self_bleu", Gold(REFERENCES)),
        ("perplexity", Gold(REFERENCES, sources=SOURCES)),
        *((name, Gold(REFERENCES, details=[{}])) for name in ("blank_exact", "blank_bleu", "kept")),
    ],
)
def test_a_measure_without_what_it_reads_gives_none(name: str, gold: Gold) -> None:
    assert TASK_MEASURES[name].scale(gold) is None


def test_length_accuracy_needs_the_candidates() -> None:
    scale = TASK_MEASURES["length_accuracy"].scale(GOLD)
    found: Optional[float] = scale.score(Output(TEXTS, TOKENS)) if scale else 0.0
    assert found is None
