"""ROUGE-L, by the package rouge-score if it is installed."""

from __future__ import annotations

import importlib
from importlib.metadata import version

from fairseq_cmlm.measures.measure import Gold, Output, Scale

_MISSING = "is not measured: rouge-score is not installed (pip install 'fairseq_cmlm[applications]')"


def rouge_l(gold: Gold) -> Scale:
    """Prepare ROUGE-L: the mean F1 of the longest common subsequence with the best reference, in percent (Lin 2004)."""
    try:
        scorer = importlib.import_module("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    except ImportError:
        return Scale(lambda output: None, _MISSING)
    references = [[one for one in each if one is not None] for each in zip(*gold.references)]

    def each(output: Output) -> list[float]:
        texts = zip(references, output.texts)
        return [float(scorer.score_multi(wanted, text)["rougeL"].fmeasure) for wanted, text in texts]

    told = f"rouge-score:{version('rouge-score')}|words:of a-z and 0-9|stemmer:no|refs:best"
    return Scale.of_each(each, len(references), told)
