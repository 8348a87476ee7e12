"""Conversion of the released code's parameters: names, shapes and order of rows."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from fairseq_cmlm.conversion.released import MASK, SPECIAL, VERSIONS

_RENAMINGS = [
    (r"\.self_attn\.out_proj\.", ".self_attention.output."),
    (r"\.encoder_attn\.out_proj\.", ".source_attention.output."),
    (r"\.fc1\.", ".ffn.expand."),
    (r"\.fc2\.", ".ffn.contract."),
    (r"\.layer_norms\.0\.", ".around_self_attention.norm."),
    (r"\.layer_norms\.1\.", ".around_ffn.norm."),
    (r"\.self_attn_layer_norm\.", ".around_self_attention.norm."),
    (r"\.encoder_attn_layer_norm\.", ".around_source_attention.norm."),
    (r"\.final_layer_norm\.", ".around_ffn.norm."),
    (r"^(encoder|decoder)\.layer_norm\.", r"\1.norm."),
    (r"\.gamma$", ".weight"),
    (r"\.beta$", ".bias"),
    (r"\.embed_lengths\.", ".lengths."),
]


def _words_first(rows: Tensor) -> Tensor:
    """Move the mask's row of a table (V, ...) behind those of the words, where ours has it."""
    return torch.cat([rows[:MASK], rows[SPECIAL:], rows[MASK:SPECIAL]])


def convert_parameters(original: dict[str, Tensor], target_positions: int) -> dict[str, Tensor]:
    """Return our parameters, float32, made of the released code's. Only the cast changes values.

    target_positions  rows of our decoder's position table: one less than in the released code, which has a length index
                      only for lengths below its number of positions
    """
    found: dict[str, Tensor] = {}
    for name, value in original.items():
        value = value.float()
        if name in VERSIONS:
            continue
        side = name.split(".")[0]
        if name.endswith("embed_tokens.weight"):
            found[f"{side}.embedding.tokens.weight"] = _words_first(value)
        elif name.endswith("embed_positions.weight"):
            # Row 0 was never used, and row 1 belongs to padding.
            rows = value[2:] if side == "encoder" else value[2 : 2 + target_positions]
            found[f"{side}.embedding.positions.weight"] = rows
        elif name == "decoder.embed_out":
            found["decoder.output.weight"] = _words_first(value)
        elif "_attn.in_proj_" in name:
            attention, kind = name.split(".in_proj_")
            attention = attention.replace(".self_attn", ".self_attention").replace(".encoder_attn", ".source_attention")
            width = value.size(0) // 3
            found[f"{attention}.query.{kind}"] = value[:width]
            found[f"{attention}.key_value.{kind}"] = value[width:]
        else:
            for pattern, replacement in _RENAMINGS:
                name = re.sub(pattern, replacement, name)
            found[name] = value
    # With a shared table, the output projection is the decoder's input table.
    found.setdefault("decoder.output.weight", found["decoder.embedding.tokens.weight"])
    return found
