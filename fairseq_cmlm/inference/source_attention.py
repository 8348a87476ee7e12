"""Attention over the source, added to the passes of a trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

import torch

from fairseq_cmlm.decoding.trace import BatchPass, Trace
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoded


def with_attention(trace: Trace, decoders: Sequence[Decoder], encoded: Sequence[Encoded]) -> Trace:
    """Return a trace that passes each pass on to `trace` with its attention over the source.

    The attention is that of the canvas that the pass read, averaged over heads, layers and models. Computing it costs
    another decoder pass without the output layer.
    """
    memories = [decoder.memory(one) for decoder, one in zip(decoders, encoded)]

    def attended(made: BatchPass) -> None:
        sentences = made.rows.to(made.read.device) // trace.candidates
        found = [
            decoder.source_weights(made.read, [layer.of(sentences) for layer in memory])
            for decoder, memory in zip(decoders, memories)
        ]
        trace.add(replace(made, attention=torch.stack(found).mean(dim=0)))

    return Trace(trace.alternatives, watch=attended)
