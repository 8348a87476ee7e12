"""chrF, by sacreBLEU."""

from __future__ import annotations

from sacrebleu.metrics import CHRF

from fairseq_cmlm.measures.measure import Gold, Scale


def chrf(gold: Gold) -> Scale:
    """Prepare the chrF of the texts, 0 to 100."""
    metric = CHRF(references=gold.references)
    return Scale(lambda output: metric.corpus_score(output.texts, None).score, str(metric.get_signature()), metric)
