"""MEASURES: every measure of a translation that `fairseq-cmlm score` prints. To add one: a function and a row."""

from __future__ import annotations

from fairseq_cmlm.measures.answers import exact_match_of_all, word_f1_of_all
from fairseq_cmlm.measures.blanks import blank_bleu, blank_exact, kept
from fairseq_cmlm.measures.bleu import bleu, tokenised_bleu
from fairseq_cmlm.measures.chrf import chrf
from fairseq_cmlm.measures.classification import accuracy, calibrated_error, calibration_error, macro_f1, temperature
from fairseq_cmlm.measures.distinct import distinct_1, distinct_2
from fairseq_cmlm.measures.documents import document_bleu, document_chrf, terms
from fairseq_cmlm.measures.entities import entities
from fairseq_cmlm.measures.length_accuracy import length_accuracy
from fairseq_cmlm.measures.length_ratio import length_ratio
from fairseq_cmlm.measures.measure import Measure
from fairseq_cmlm.measures.perplexity import perplexity
from fairseq_cmlm.measures.repetition import repeated_words, repetition
from fairseq_cmlm.measures.rouge import rouge_l
from fairseq_cmlm.measures.self_bleu import self_bleu

MEASURES: dict[str, Measure] = {
    "bleu": Measure("BLEU", 1, bleu),
    "chrf": Measure("chrF", 1, chrf),
    "repetition": Measure("repeated tokens %", 2, repetition),
    "length_ratio": Measure("length ratio", 2, length_ratio),
    "tokenised_bleu": Measure("tokenised BLEU", 2, tokenised_bleu),
    "length_accuracy": Measure("length accuracy %", 2, length_accuracy),
}
# The measures that a format can name: those of translation, and those of other tasks.
TASK_MEASURES: dict[str, Measure] = {
    **MEASURES,
    "distinct_1": Measure("distinct-1 %", 1, distinct_1),
    "distinct_2": Measure("distinct-2 %", 1, distinct_2),
    "repeated_words": Measure("repeated words %", 2, repeated_words),
    "entities": Measure("entities %", 1, entities),
    "self_bleu": Measure("self-BLEU", 1, self_bleu),
    "blank_exact": Measure("exact blanks %", 1, blank_exact),
    "blank_bleu": Measure("BLEU of blanks", 1, blank_bleu),
    "perplexity": Measure("perplexity", 2, perplexity),
    "kept": Measure("given words kept %", 1, kept),
    "accuracy": Measure("accuracy %", 1, accuracy),
    "macro_f1": Measure("macro-F1", 1, macro_f1),
    "calibration_error": Measure("calibration error %", 1, calibration_error),
    "calibrated_error": Measure("calibrated error %", 1, calibrated_error),
    "temperature": Measure("temperature", 2, temperature),
    "word_f1": Measure("F1", 1, word_f1_of_all),
    "exact_answer": Measure("exact match %", 1, exact_match_of_all),
    "document_bleu": Measure("document BLEU", 1, document_bleu),
    "document_chrf": Measure("document chrF", 1, document_chrf),
    "terms": Measure("terms alike %", 1, terms),
    "rouge_l": Measure("ROUGE-L", 1, rouge_l),
}
