"""The causal mode of a model in the form in which fairseq's searches read one."""

from __future__ import annotations

from typing import Any, Optional

import torch
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
    """The causal mode of a model, as a decoder of fairseq's search. Each step reads the whole prefix."""

    def __init__(self, model: CMLMModel, mask: int) -> None:
        super().__init__()
        self.model, self._mask = model, mask
        self.encoder, self.decoder = _Encoder(model), _Decoder(model)

    def max_decoder_positions(self) -> int:
        """Return the length of the longest target, in tokens with `</s>`."""
        return self.model.max_positions()[1]

    def get_normalized_probs(self, net_output: Any, log_probs: bool, sample: Optional[Any] = None) -> Tensor:
        """Return the probabilities (N, 1, V) float32, or their natural logs; the mask symbol has none."""
        found: Tensor = net_output[0].float().log_softmax(dim=-1)
        found[..., self._mask] = -torch.inf
        return found if log_probs else found.exp()


class _Encoder:
    def __init__(self, model: CMLMModel) -> None:
        self._model = model

    def forward_torchscript(self, net_input: dict[str, Tensor]) -> Encoding:
        """Encode the source."""
        return self._model.encode(net_input["src_tokens"])

    def reorder_encoder_out(self, encoding: Encoding, order: Tensor) -> Encoding:
        """Return the encodings of the sentences of the rows `order` (n,)."""
        return encoding.of(order)


class _Decoder:
    def __init__(self, model: CMLMModel) -> None:
        self._model = model

    def forward(self, tokens: Tensor, encoder_out: Encoding) -> tuple[Tensor, None]:
        """Return the logits (N, 1, V) of the token after the prefixes `tokens` (N, T), which begin with `</s>`."""
        last = torch.arange(1, len(tokens) + 1, device=tokens.device) * tokens.size(1) - 1
        return self._model.project(self._model.states(encoder_out, tokens, last, causal=True))[:, None], None
