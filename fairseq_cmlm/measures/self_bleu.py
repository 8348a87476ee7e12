"""Self-BLEU: how much an output repeats the words of its source; lower means a freer paraphrase."""

from __future__ import annotations

from typing import Optional

from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.measures.measure import Gold, Scale


def self_bleu(gold: Gold) -> Optional[Scale]:
    """Prepare the BLEU of the outputs against their sources."""
    if gold.sources is None:
        return None
    measure = Bleu([gold.sources], gold.tokenise, gold.tokenised, gold.language)
    return Scale(lambda output: measure.score(output.texts), measure.signature)
