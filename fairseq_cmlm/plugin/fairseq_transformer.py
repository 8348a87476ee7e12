"""Conversion of the parameters of fairseq's autoregressive Transformer into ours.

The converted network computes the same function, except for `differences`. Three conversions go beyond renaming:

Scaled embeddings. fairseq multiplies token embeddings by sqrt(D), unless --no-scale-embedding; we do not. So our table
    is theirs times sqrt(D). The output projection, which may be the same table, is then too large by that factor; to
    undo this, the decoder's last normalisation, which only the projection reads, is divided by it.
Sinusoidal positions. Ours are learned, and begin with the values of the sinusoids.
<mask>. Their tables have no row for it; our row keeps its initialisation, as do the length table and the heads.
"""

from __future__ import annotations

import math
import re
from typing import Mapping

import torch
from fairseq.models.transformer import TransformerConfig
from fairseq.modules import SinusoidalPositionalEmbedding
from torch import Tensor

from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.model.layer import LAYER_NORM_EPS

PAD = 1  # fairseq's padding id; its position tables begin with unused rows 0 .. PAD
_TABLES = ("encoder.embedding.tokens.weight", "decoder.embedding.tokens.weight", "decoder.output.weight")
_POSITIONS = ("encoder.embedding.positions.weight", "decoder.embedding.positions.weight")
_OURS_ALONE = ("encoder.lengths.weight", "dictionary_version")
_NO_PARAMETER = re.compile(r"\.version$|\.embed_positions\.(weights|_float_tensor)$")
_RENAMINGS = [  # ours, theirs
    (r"\.embedding\.tokens\.", ".embed_tokens."),
    (r"\.embedding\.positions\.", ".embed_positions."),
    (r"^decoder\.output\.", "decoder.output_projection."),
    (r"^(encoder|decoder)\.norm\.", r"\1.layer_norm."),
    (r"\.around_self_attention\.norm\.", ".self_attn_layer_norm."),
    (r"\.around_source_attention\.norm\.", ".encoder_attn_layer_norm."),
    (r"\.around_ffn\.norm\.", ".final_layer_norm."),
    (r"\.self_attention\.", ".self_attn."),
    (r"\.source_attention\.", ".encoder_attn."),
    (r"_attn\.query\.", "_attn.q_proj."),
    (r"_attn\.output\.", "_attn.out_proj."),
    (r"\.ffn\.expand\.", ".fc1."),
    (r"\.ffn\.contract\.", ".fc2."),
]


def our_parameters(
    theirs: Mapping[str, Tensor], config: TransformerConfig, ours: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the parameters of `ours`, an initialised model of the same sizes, with the values of `theirs`, float32."""
    _check_names(theirs, config, ours)
    found = dict(ours)
    for name in ours.keys() - set(_OURS_ALONE) - set(_POSITIONS) - heads(ours):
        found[name] = torch.cat([theirs[part].float() for part in their_names(name)])
    for name, side in zip(_POSITIONS, (config.encoder, config.decoder)):
        rows, width = ours[name].shape
        if side.learned_pos:
            table = theirs[their_names(name)[0]].float()
        else:
            table = SinusoidalPositionalEmbedding.get_embedding(PAD + 1 + rows, width, PAD)
        found[name] = table[PAD + 1 : PAD + 1 + rows]
    encoder_scale, decoder_scale = embedding_scales(config)
    for name, scale in zip(_TABLES, (encoder_scale, decoder_scale, decoder_scale)):
        found[name] = torch.cat([found[name] * scale, ours[name][-1:]])
    for name in last_norm(ours):
        found[name] = found[name] / decoder_scale
    return found


def heads(parameters: Mapping[str, Tensor]) -> set[str]:
    """Return the names among the `parameters` of our model that belong to heads of its objective."""
    return {name for name in parameters if name.startswith("heads.")}


def their_names(name: str) -> list[str]:
    """Return the names of their parameters whose rows, in this order, make up our parameter `name`."""
    for pattern, replacement in _RENAMINGS:
        name = re.sub(pattern, replacement, name)
    if ".key_value." in name:
        return [name.replace(".key_value.", f".{part}_proj.") for part in "kv"]
    return [name]


def embedding_scales(config: TransformerConfig) -> tuple[float, float]:
    """Return the factors by which fairseq multiplies the encoder's and the decoder's token embeddings."""
    if config.no_scale_embedding:
        return 1.0, 1.0
    return math.sqrt(config.encoder.embed_dim), math.sqrt(config.decoder.embed_dim)


def last_norm(ours: Mapping[str, Tensor]) -> list[str]:
    """Return the names of weight and bias of the normalisation before the output projection."""
    names = [f"decoder.norm.{kind}" for kind in ("weight", "bias")]
    if names[0] in ours:
        return names
    layers = {int(match[1]) for match in map(re.compile(r"decoder\.layers\.(\d+)\.").match, ours) if match}
    return [f"decoder.layers.{max(layers)}.around_ffn.norm.{kind}" for kind in ("weight", "bias")]


def _check_names(theirs: Mapping[str, Tensor], config: TransformerConfig, ours: Mapping[str, Tensor]) -> None:
    learned = {name for name, side in zip(_POSITIONS, (config.encoder, config.decoder)) if side.learned_pos}
    names = (ours.keys() - set(_OURS_ALONE) - set(_POSITIONS) - heads(ours)) | learned
    expected = {part for name in names for part in their_names(name)}
    for name in sorted(expected - theirs.keys()):
        raise CheckpointError(f"it lacks the parameter {name}, which a cmlm model has")
    for name in sorted(theirs.keys() - expected):
        if not _NO_PARAMETER.search(name):
            raise CheckpointError(f"its parameter {name} has no place in a cmlm model")
    if config.no_token_positional_embeddings:
        raise CheckpointError("it was trained with --no-token-positional-embeddings, and a cmlm model has positions")


def differences(config: TransformerConfig) -> list[str]:
    """List, for the log, what our network computes differently."""
    scales = embedding_scales(config)
    found = ["no causal mask", "a LENGTH token before the source", f"LayerNorm eps {LAYER_NORM_EPS:g} for 1e-05"]
    if config.activation_fn != "gelu":
        found.append(f"GELU for {config.activation_fn}")
    if not (config.encoder.learned_pos and config.decoder.learned_pos):
        found.append("sinusoidal positions are learned from now on")
    if scales[1] != 1:
        found.append(f"token tables times {scales[1]:g}, the decoder's last norm divided by it")
    return found
