"""A network that was trained from left to right as well, as the judge of candidates: its own, or another network's."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.inference.readers import ReadCandidates
from fairseq_cmlm.model.network import Network


class LeftToRight:
    """A judge (readers.py): a network of `--objective hybrid` in its causal mode, one pass over all candidates."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @torch.no_grad()
    def read(self, source: Tensor, size: int) -> ReadCandidates:
        """Encode the source (B, S), to judge `size` candidates of each sentence."""
        network = self._network.to(source.device)
        _check("source", source, len(network.encoder.embedding.positions.weight))
        encoding = network.encode(source)

        @torch.no_grad()
        def judge(tokens: Tensor, real: Tensor, number: int, rows: Optional[Tensor]) -> Tensor:
            _check("target", tokens, len(network.decoder.embedding.positions.weight))
            here = encoding if rows is None else encoding.of(rows // size)
            return network.log_probs_from_left(here, tokens)

        return judge


def _check(side: str, tokens: Tensor, limit: int) -> None:
    if tokens.size(1) > limit:
        raise TextError(
            f"a {side} of {tokens.size(1)} tokens (</s> counts) is longer than the model of --rescore-with or "
            f"--plan-with reads, {limit}: shorten it, or leave the option out"
        )
