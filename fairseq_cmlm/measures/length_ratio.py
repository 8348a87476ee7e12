"""Length ratio: how long outputs are compared with their references."""

from __future__ import annotations

from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.measures.measure import Gold, Scale


def length_ratio(gold: Gold) -> Scale:
    """Prepare the ratio of output tokens to tokens of the references closest in length, as BLEU counts them.

    Below 1, BLEU has a brevity penalty.
    """
    measure = Bleu(gold.references, gold.tokenise, gold.tokenised, gold.language)
    return Scale(lambda output: measure.length_ratio(output.texts))
