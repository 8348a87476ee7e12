"""The released code's network and mask-predict as plain formulas on its own parameter names, in float64.

Written from a description of that code. It shares nothing with the package: what the converter makes of a checkpoint
must agree with it. Ids are those of the released code.
"""

from __future__ import annotations

import math
from typing import Callable

import torch
from released_layout import Layout, Parameters
from torch import Tensor

PAD, EOS, MASK = 1, 2, 4


def embed(p: Parameters, side: str, tokens: Tensor) -> Tensor:
    """E[token] + P[position]; positions count the real tokens from 2, padding has 1."""
    real = (tokens != PAD).long()
    places = real.cumsum(1) * real + PAD
    return p[f"{side}.embed_tokens.weight"][tokens] + p[f"{side}.embed_positions.weight"][places]


def layer_norm(p: Parameters, name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    deviation = (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt()
    return p[f"{name}.gamma"] * centred / deviation + p[f"{name}.beta"]


def attend(p: Parameters, name: str, heads: int, x: Tensor, memory: Tensor, hidden: Tensor) -> Tensor:
    """Multi-head attention of x (B, L, D) to memory (B, S, D), but not to its `hidden` (B, S) positions."""
    width = x.size(2)
    size = width // heads
    weights, biases = (p[f"{name}.in_proj_{kind}"].split(width) for kind in ("weight", "bias"))
    query, key, value = (states @ weight.T + bias for states, weight, bias in zip((x, memory, memory), weights, biases))
    mixed = []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        scores = (query[:, :, own] * size**-0.5) @ key[:, :, own].transpose(1, 2)
        mixed.append(scores.masked_fill(hidden[:, None], -math.inf).softmax(2) @ value[:, :, own])
    return torch.cat(mixed, dim=2) @ p[f"{name}.out_proj.weight"].T + p[f"{name}.out_proj.bias"]


def feed_forward(p: Parameters, name: str, x: Tensor) -> Tensor:
    inner = x @ p[f"{name}.fc1.weight"].T + p[f"{name}.fc1.bias"]
    active = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    return active @ p[f"{name}.fc2.weight"].T + p[f"{name}.fc2.bias"]


def around(p: Parameters, norm: str, pre_norm: bool, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    return x + function(layer_norm(p, norm, x)) if pre_norm else layer_norm(p, norm, x + function(x))


def encode(p: Parameters, layout: Layout, source: Tensor) -> tuple[Tensor, Tensor]:
    """States (B, S, D) and length log-probabilities (B, L) of `source` (B, S)."""
    side = layout.encoder
    slot = p["encoder.embed_lengths.weight"][0].expand(len(source), 1, -1)
    x = torch.cat([slot, embed(p, "encoder", source)], dim=1)
    hidden = torch.cat([torch.zeros(len(source), 1, dtype=torch.bool), source == PAD], dim=1)
    for number in range(side.layers):
        name = f"encoder.layers.{number}"

        def self_attention(y: Tensor, name: str = f"{name}.self_attn") -> Tensor:
            return attend(p, name, side.heads, y, y, hidden)

        x = around(p, f"{name}.layer_norms.0", side.pre_norm, x, self_attention)
        x = around(p, f"{name}.layer_norms.1", side.pre_norm, x, lambda y, name=name: feed_forward(p, name, y))
    if side.pre_norm:
        x = layer_norm(p, "encoder.layer_norm", x)
    lengths = x[:, 0] @ p["encoder.embed_lengths.weight"].T
    lengths[:, 0] = -math.inf
    return x[:, 1:], lengths.log_softmax(1)


def decode(p: Parameters, layout: Layout, states: Tensor, source: Tensor, canvas: Tensor) -> Tensor:
    """Logits (B, T, V) of `canvas` (B, T) over the encoder's `states` (B, S, D) of `source` (B, S)."""
    side = layout.decoder
    x = embed(p, "decoder", canvas)
    for number in range(side.layers):
        name = f"decoder.layers.{number}"

        def self_attention(y: Tensor, name: str = f"{name}.self_attn") -> Tensor:
            return attend(p, name, side.heads, y, y, canvas == PAD)

        def source_attention(y: Tensor, name: str = f"{name}.encoder_attn") -> Tensor:
            return attend(p, name, side.heads, y, states, source == PAD)

        x = around(p, f"{name}.self_attn_layer_norm", side.pre_norm, x, self_attention)
        x = around(p, f"{name}.encoder_attn_layer_norm", side.pre_norm, x, source_attention)
        x = around(p, f"{name}.final_layer_norm", side.pre_norm, x, lambda y, name=name: feed_forward(p, name, y))
    if side.pre_norm:
        x = layer_norm(p, "decoder.layer_norm", x)
    return x @ p.get("decoder.embed_out", p["decoder.embed_tokens.weight"]).T


def mask_predict(p: Parameters, layout: Layout, sentence: list[int], iterations: int, candidates: int) -> list[int]:
    """The best of the length candidates of one sentence, decoded as the released code does; without padding."""
    source = torch.tensor([sentence])
    states, lengths = encode(p, layout, source)
    best: tuple[float, list[int]] = (-math.inf, [])
    for length in lengths[0].topk(candidates).indices.clamp(min=2).tolist():
        canvas, probabilities, masked = [MASK] * length, [0.0] * length, list(range(length))
        for done in range(iterations):
            if done:
                count = max(1, length * (iterations - done) // iterations)
                masked = sorted(range(length), key=lambda place: probabilities[place])[:count]
            visible = [MASK if place in masked else token for place, token in enumerate(canvas)]
            found, tokens = decode(p, layout, states, source, torch.tensor([visible]))[0].softmax(1).max(1)
            for place in masked:
                canvas[place], probabilities[place] = int(tokens[place]), float(found[place])
        score = sum(map(math.log, probabilities)) / length
        best = max(best, (score, [token for token in canvas if token != PAD]), key=lambda candidate: candidate[0])
    return best[1]
