"""Self-BLEU: how much of the source an output says in the same words; the lower, the freer a paraphrase."""

from __future__ import annotations

from typing import Optional

from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.measures.measure import Gold, Scale


def self_bleu(gold: Gold) -> Optional[Scale]:
    """Make BLEU of the outputs against their sources ready."""
    if gold.sources is None:
        return None
    measure = Bleu([gold.sources], gold.tokenise, gold.tokenised, gold.language)
    return Scale(lambda output: measure.score(output.texts), measure.signature)
