"""Models of the released code: their options, and the names and shapes of their parameters."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from fairseq_cmlm.errors import CheckpointError

# A dictionary begins with <s>, <pad>, </s>, <unk>, <mask>.
SPECIAL, MASK = 5, 4
VERSIONS = ("encoder.version", "decoder.version")
Shapes = dict[str, tuple[int, ...]]  # parameter -> its shape


@dataclass(frozen=True)
class Side:
    """The encoder or the decoder, with the names of the released code's options."""

    layers: int
    embed_dim: int
    ffn_embed_dim: int
    attention_heads: int
    normalize_before: bool


@dataclass(frozen=True)
class ReleasedModel:
    """The options of a model. positions: its longest source and target, in tokens."""

    encoder: Side
    decoder: Side
    positions: tuple[int, int]
    share_all_embeddings: bool
    share_decoder_input_output_embed: bool
    dropout: float
    attention_dropout: float
    relu_dropout: float


def read_model(args: Namespace, parameters: dict[str, Tensor]) -> ReleasedModel:
    """Return the model that the options `args` of a checkpoint describe; missing ones have its defaults."""
    for side in ("enc", "dec"):
        if getattr(args, f"no_{side}_token_positional_embeddings", False):
            raise CheckpointError(f"the checkpoint was trained with --no-{side}-token-positional-embeddings: not here")
    tables = [f"encoder.embed_{kind}.weight" for kind in ("positions", "lengths")]
    for name in tables:
        if name not in parameters:
            raise CheckpointError(f"the checkpoint lacks {name}: it is no model of the released Mask-Predict")
    width = _number(args, "encoder_embed_dim", None)
    encoder = _side(args, "encoder", Side(0, width, 4 * width, width // 64, False))
    return ReleasedModel(
        encoder=encoder,
        decoder=_side(args, "decoder", replace(encoder, normalize_before=False)),
        positions=(len(parameters[tables[0]]) - 2, len(parameters[tables[1]])),
        share_all_embeddings=bool(getattr(args, "share_all_embeddings", False)),
        share_decoder_input_output_embed=bool(getattr(args, "share_decoder_input_output_embed", False)),
        dropout=_number(args, "dropout", 0.0, float),
        attention_dropout=_number(args, "attention_dropout", 0.0, float),
        relu_dropout=_number(args, "relu_dropout", 0.0, float),
    )


def _side(args: Namespace, name: str, default: Side) -> Side:
    """Return the options `NAME_...` of the encoder or the decoder; the number of layers has no default."""
    return Side(
        layers=_number(args, f"{name}_layers", default.layers or None),
        embed_dim=_number(args, f"{name}_embed_dim", default.embed_dim),
        ffn_embed_dim=_number(args, f"{name}_ffn_embed_dim", default.ffn_embed_dim),
        attention_heads=_number(args, f"{name}_attention_heads", default.attention_heads),
        normalize_before=bool(getattr(args, f"{name}_normalize_before", default.normalize_before)),
    )


def _number(args: Namespace, name: str, default: Any, kind: type = int) -> Any:
    value = getattr(args, name, default)
    if not isinstance(value, (int, kind)):
        raise CheckpointError(f"the option {name} of the checkpoint is {value}, and should be a number")
    return value


def expected_shapes(model: ReleasedModel, words: tuple[int, int]) -> Shapes:
    """Return the shape of every parameter except VERSIONS; `words` are the dictionaries' sizes with special symbols."""
    width = model.encoder.embed_dim
    shapes: Shapes = {"encoder.embed_lengths.weight": (model.positions[1], width)}
    for name, side, rows, places in zip(("encoder", "decoder"), (model.encoder, model.decoder), words, model.positions):
        shapes[f"{name}.embed_tokens.weight"] = (rows, width)
        shapes[f"{name}.embed_positions.weight"] = (places + 2, width)
        layer = _encoder_layer(side) if name == "encoder" else _decoder_layer(side)
        for i in range(side.layers):
            shapes.update((f"{name}.layers.{i}.{parameter}", shape) for parameter, shape in layer.items())
        if side.normalize_before:
            shapes.update(_norm(f"{name}.layer_norm", width))
    if not model.share_all_embeddings and not model.share_decoder_input_output_embed:
        shapes["decoder.embed_out"] = (words[1], width)
    return shapes


def _encoder_layer(side: Side) -> Shapes:
    norms = {**_norm("layer_norms.0", side.embed_dim), **_norm("layer_norms.1", side.embed_dim)}
    return {**_attention("self_attn", side.embed_dim), **_feed_forward(side), **norms}


def _decoder_layer(side: Side) -> Shapes:
    shapes = _feed_forward(side)
    for name in ("self_attn", "encoder_attn"):
        shapes.update({**_attention(name, side.embed_dim), **_norm(f"{name}_layer_norm", side.embed_dim)})
    return {**shapes, **_norm("final_layer_norm", side.embed_dim)}


def _attention(name: str, width: int) -> Shapes:
    return {
        f"{name}.in_proj_weight": (3 * width, width),
        f"{name}.in_proj_bias": (3 * width,),
        f"{name}.out_proj.weight": (width, width),
        f"{name}.out_proj.bias": (width,),
    }


def _feed_forward(side: Side) -> Shapes:
    width, inner = side.embed_dim, side.ffn_embed_dim
    return {"fc1.weight": (inner, width), "fc1.bias": (inner,), "fc2.weight": (width, inner), "fc2.bias": (width,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.gamma": (width,), f"{name}.beta": (width,)}
