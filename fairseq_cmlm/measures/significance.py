"""Whether an output is better than another by more than chance, by sacreBLEU's paired bootstrap."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from fairseq_cmlm.measures.measure import Gold

RESAMPLINGS = 1000
TEST = f"paired bootstrap, {RESAMPLINGS} resamplings, sacreBLEU's seed"


class Difference(NamedTuple):
    """How much greater a score is than that of the baseline, and its p-value, which is small if it is hardly chance."""

    points: float
    p: float

    def __str__(self) -> str:
        return f"{self.points:+.1f} (p={self.p:.3f})"


def differences(gold: Gold, baseline: Sequence[str], others: Sequence[Sequence[str]]) -> dict[str, list[Difference]]:
    """Return how BLEU and chrF, named as in MEASURES, of each of `others` differ from those of `baseline`.

    All are texts of the same sentences. The p-values are those of `sacrebleu --paired-bs` with its seed, 12345
    (SACREBLEU_SEED changes it): of 1,000 resamplings of the sentences, the share whose difference is further from the
    mean one than the real one is from 0 (Koehn, Statistical Significance Tests for Machine Translation Evaluation,
    EMNLP 2004).
    """
    bleu = BLEU(tokenize=gold.tokenise, trg_lang=gold.language, force=gold.tokenised, references=gold.references)
    metrics = {"BLEU": bleu, "chrF2": CHRF(references=gold.references)}
    systems = [("", list(texts)) for texts in (baseline, *others)]
    test = PairedTest(systems, metrics, references=None, test_type="bs", n_samples=RESAMPLINGS)
    _, found = test()
    same = [list(texts) == list(baseline) for texts in others]  # which sacreBLEU gives the least p-value
    return {
        measure: [
            Difference(result.score - found[metric][0].score, 1.0 if alike else result.p_value)
            for result, alike in zip(found[metric][1:], same)
        ]
        for measure, metric in (("bleu", "BLEU"), ("chrf", "chrF2"))
    }
