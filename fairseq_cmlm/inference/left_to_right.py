"""A network that was also trained from left to right, as the judge of its own or another network's candidates."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.decoding.verification import Prefer, Preferred, preferred
from fairseq_cmlm.inference.readers import ReadCandidates, check_positions
from fairseq_cmlm.model.network import Encoding, Network


class LeftToRight:
    """A judge (readers.py): a network of `--objective hybrid` in its causal mode, one pass over all candidates.

    symbols  of its target dictionary
    """

    def __init__(self, network: Network, symbols: Symbols) -> None:
        self._network, self._symbols = network, symbols

    @torch.no_grad()
    def read(self, source: Tensor, size: int) -> ReadCandidates:
        """Encode the source (B, S), to judge `size` candidates of each sentence."""
        encoding = self._encode(source)

        @torch.no_grad()
        def judge(tokens: Tensor, real: Tensor, number: int, rows: Optional[Tensor]) -> Tensor:
            here = encoding if rows is None else encoding.of(rows // size)
            return self._network.log_probs_from_left(here, self._checked(tokens), number)

        return judge

    @torch.no_grad()
    def prefer(self, source: Tensor, size: int) -> Prefer:
        """Encode the source (B, S), to say at each place of `size` candidates what this network would have said."""
        encoding, banned = self._encode(source), (self._symbols.pad, self._symbols.mask)

        @torch.no_grad()
        def prefer(tokens: Tensor, asked: Tensor, number: int, rows: Tensor) -> Preferred:
            positions = torch.nonzero_static(asked.flatten(), size=number).squeeze(1)
            logits = self._network.causal_logits(encoding.of(rows // size), self._checked(tokens), positions)
            log_probs = logits.float().log_softmax(1)
            words, sure = preferred(log_probs, positions % tokens.size(1) == 0, banned, self._symbols.eos)
            whole = torch.full_like(tokens, self._symbols.pad).flatten().index_copy(0, positions, words)
            zeros = torch.zeros(tokens.numel(), device=tokens.device)
            return Preferred(whole.view_as(tokens), zeros.index_copy(0, positions, sure).view_as(tokens))

        return prefer

    def _encode(self, source: Tensor) -> Encoding:
        network = self._network.to(source.device)
        network.lay_out()
        check_positions("source", source.size(1), len(network.encoder.embedding.positions.weight))
        return network.encode(source)

    def _checked(self, tokens: Tensor) -> Tensor:
        check_positions("target", tokens.size(1), len(self._network.decoder.embedding.positions.weight))
        return tokens
