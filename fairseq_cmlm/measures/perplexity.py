"""Perplexity: how fluent outputs are to a model, given their sources."""

from __future__ import annotations

from typing import Optional

from fairseq_cmlm.measures.measure import Gold, Scale


def perplexity(gold: Gold) -> Optional[Scale]:
    """Prepare the perplexity under the judge; lower means likelier texts."""
    judge, sources = gold.judge, gold.sources
    if judge is None or sources is None:
        return None
    return Scale(lambda output: judge.of(sources, output.texts), judge.signature)
