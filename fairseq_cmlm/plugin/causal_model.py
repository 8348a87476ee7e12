"""The causal mode of a model in the form in which fairseq's searches read one."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import torch
from fairseq.models import FairseqIncrementalDecoder
from torch import Tensor, nn

from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.model.network import Encoding
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.training.objectives import OBJECTIVES


def causal_objectives() -> list[str]:
    """Return the names of the objectives that train a causal mode."""
    return [name for name, row in OBJECTIVES.items() if row.causal]


def refuse_not_causal(model: CMLMModel, told: str) -> None:
    """Raise a CheckpointError, which begins with `told`, for a model whose objective trains no causal mode."""
    if model.objective not in causal_objectives():
        raise CheckpointError(
            f"{told} was trained with --objective {model.objective} and does not read from left to right: "
            f"give a model of --objective {' or '.join(causal_objectives())}, or fairseq's autoregressive Transformer"
        )


class CausalModel(nn.Module):
    """The causal mode of a model in the form of fairseq's autoregressive models.

    Each step of a search computes one token a row: the keys and values of the prefix are kept. Those of a source are
    read by all rows of its beam and never repeated.
    """

    def __init__(self, model: CMLMModel, mask: int) -> None:
        super().__init__()
        self.model, self._mask = model, mask
        self.encoder, self.decoder = _Encoder(model), _Decoder(model)

    def max_positions(self) -> tuple[int, int]:
        """Return the lengths of the longest source and target, in tokens with `</s>`."""
        return self.model.max_positions()

    def max_decoder_positions(self) -> int:
        """Return the length of the longest target, in tokens with `</s>`."""
        return self.max_positions()[1]

    def get_normalized_probs(self, net_output: Any, log_probs: bool, sample: Optional[Any] = None) -> Tensor:
        """Return the probabilities (N, 1, V) float32, or their natural logs; the mask symbol has none."""
        found: Tensor = net_output[0].float().log_softmax(dim=-1)
        found[..., self._mask] = -torch.inf
        return found if log_probs else found.exp()


class _Beams(NamedTuple):
    """Encoded sources (B, S), each for the `beam` successive rows of a search that are of its sentence."""

    sources: Encoding
    beam: int


class _Encoder:
    def __init__(self, model: CMLMModel) -> None:
        self._model = model

    def forward_torchscript(self, net_input: dict[str, Tensor]) -> _Beams:
        """Encode the sources, one row a sentence as yet."""
        self._model.lay_out()
        return _Beams(self._model.encode(net_input["src_tokens"]), 1)

    def reorder_encoder_out(self, beams: _Beams, order: Tensor) -> _Beams:
        """Return the encodings for the rows `order` (n,): a search first repeats each sentence, and drops some later.

        The rows of a sentence are successive and change places among themselves only, so that the sources change with
        their number alone.
        """
        sources, beam = beams
        number = len(sources.encoded.real)
        if beam == 1 and len(order) > number:
            return _Beams(sources, len(order) // number)
        left = order[::beam] // beam
        return beams if len(left) == number else _Beams(sources.of(left), beam)


class _Decoder(FairseqIncrementalDecoder):
    """The decoder; what fairseq calls its incremental state has the prefix of its rows (Network.next_logits)."""

    def __init__(self, model: CMLMModel) -> None:
        super().__init__(None)
        self._model = [model]  # in a list, for fairseq looks through all submodules at each step

    def forward(self, tokens: Tensor, encoder_out: _Beams, incremental_state: dict[str, Any]) -> tuple[Tensor, None]:
        """Return the logits (N, 1, V) of the token after the prefixes `tokens` (N, T), which begin with `</s>`."""
        prefix = incremental_state.get("prefix", [])
        logits, longer = self._model[0].next_logits(encoder_out.sources, tokens[:, -1], prefix)
        incremental_state["prefix"] = longer
        return logits[:, None], None

    def reorder_incremental_state(self, incremental_state: dict[str, Any], order: Tensor) -> None:
        """Let the rows be those that were at `order` (N,)."""
        incremental_state["prefix"] = [layer.of(order) for layer in incremental_state["prefix"]]
