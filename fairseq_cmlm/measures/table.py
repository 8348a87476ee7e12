"""MEASURES: every measure that `fairseq-cmlm score` prints. A new one is a function and a row."""

from __future__ import annotations

from fairseq_cmlm.measures.bleu import bleu, tokenised_bleu
from fairseq_cmlm.measures.chrf import chrf
from fairseq_cmlm.measures.length_accuracy import length_accuracy
from fairseq_cmlm.measures.measure import Measure
from fairseq_cmlm.measures.repetition import repetition

MEASURES: dict[str, Measure] = {
    "bleu": Measure("BLEU", 1, bleu),
    "chrf": Measure("chrF", 1, chrf),
    "repetition": Measure("repeated tokens %", 2, repetition),
    "tokenised_bleu": Measure("tokenised BLEU", 2, tokenised_bleu),
    "length_accuracy": Measure("length accuracy %", 2, length_accuracy),
}
