"""Small checkpoints in the layout of the paper's released code, with random weights, written by our own code."""

from __future__ import annotations

import io
import math
import sys
from argparse import Namespace
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import fairseq  # noqa: F401  (at its import it puts meters of its own where those of 2019 were)
import torch
from torch import Tensor

SPECIAL = 5  # <s>, <pad>, </s>, <unk>, <mask> stand before the words
Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Side:
    """The encoder with the source, or the decoder with the target."""

    layers: int = 2
    inner: int = 24
    heads: int = 2
    words: int = 40
    positions: int = 18
    pre_norm: bool = False


@dataclass(frozen=True)
class Layout:
    """The shape of a model. shared: "all" embeddings, those of the "decoder" (input and output), or "none"."""

    encoder: Side = Side()
    decoder: Side = Side()
    width: int = 16
    shared: str = "all"


LAYOUTS = {
    "post-norm, one table": Layout(),
    "post-norm, two tables": Layout(Side(words=33, positions=25), Side(layers=3, inner=40), shared="decoder"),
    "pre-norm, three tables": Layout(
        Side(layers=1, inner=32, heads=3, words=31, positions=30, pre_norm=True),
        Side(layers=3, inner=20, heads=4, words=44, positions=17, pre_norm=True),
        width=12,
        shared="none",
    ),
    "pre-norm encoder alone": Layout(encoder=Side(pre_norm=True, heads=4)),
    "pre-norm decoder alone": Layout(Side(layers=1), Side(pre_norm=True, heads=4)),
}


class Draw:
    """Random parameters, large enough that each of them matters."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int, mean: float = 0.0, scale: float = 0.3) -> Tensor:
        return mean + scale * torch.randn(*shape, generator=self.generator)

    def norm(self, name: str, width: int) -> Parameters:
        return {f"{name}.gamma": self(width, mean=1.0), f"{name}.beta": self(width)}

    def linear(self, name: str, rows: int, columns: int) -> Parameters:
        """`name` ends in the dot or underscore that stands before "weight"."""
        return {f"{name}weight": self(rows, columns, scale=1.5 / math.sqrt(columns)), f"{name}bias": self(rows)}

    def attention(self, name: str, width: int) -> Parameters:
        return {**self.linear(f"{name}.in_proj_", 3 * width, width), **self.linear(f"{name}.out_proj.", width, width)}

    def layer(self, name: str, side: Side, width: int) -> Parameters:
        """A layer of the encoder or, by its name, of the decoder."""
        found = self.attention(f"{name}.self_attn", width)
        norms = ["layer_norms.0", "layer_norms.1"]
        if name.startswith("decoder"):
            found.update(self.attention(f"{name}.encoder_attn", width))
            norms = ["self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"]
        found.update(self.linear(f"{name}.fc1.", side.inner, width))
        found.update(self.linear(f"{name}.fc2.", width, side.inner))
        for norm in norms:
            found.update(self.norm(f"{name}.{norm}", width))
        return found


def parameters(layout: Layout, seed: int = 1) -> Parameters:
    """The parameters of a model; tied ones are the same tensor."""
    draw, width = Draw(seed), layout.width
    found: Parameters = OrderedDict()
    for name, side in (("encoder", layout.encoder), ("decoder", layout.decoder)):
        found[f"{name}.version"] = torch.tensor([2.0])
        found[f"{name}.embed_tokens.weight"] = draw(SPECIAL + side.words, width, scale=0.5)
        found[f"{name}.embed_positions.weight"] = draw(side.positions + 2, width, scale=1.5)
        for number in range(side.layers):
            found.update(draw.layer(f"{name}.layers.{number}", side, width))
        if side.pre_norm:
            found.update(draw.norm(f"{name}.layer_norm", width))
    found["encoder.embed_lengths.weight"] = draw(layout.decoder.positions, width, scale=0.5)
    if layout.shared == "all":
        found["decoder.embed_tokens.weight"] = found["encoder.embed_tokens.weight"]
    if layout.shared == "none":
        found["decoder.embed_out"] = draw(SPECIAL + layout.decoder.words, width, scale=0.5)
    return found


def arguments(layout: Layout) -> Namespace:
    """The options that the released code saves, those of other features left out."""
    options: dict[str, Any] = {
        "arch": "bert_transformer_seq2seq",
        "task": "translation_self",
        "source_lang": "en",
        "target_lang": "de",
        "left_pad_source": "True",
        "share_all_embeddings": layout.shared == "all",
        "share_decoder_input_output_embed": layout.shared != "none",
        "max_source_positions": layout.encoder.positions,
        "max_target_positions": layout.decoder.positions,
        "dropout": 0.3,
        "attention_dropout": 0.0,
        "relu_dropout": 0.0,
        "no_enc_token_positional_embeddings": False,
        "no_dec_token_positional_embeddings": False,
    }
    for name, side in (("encoder", layout.encoder), ("decoder", layout.decoder)):
        options[f"{name}_layers"] = side.layers
        options[f"{name}_embed_dim"] = layout.width
        options[f"{name}_ffn_embed_dim"] = side.inner
        options[f"{name}_attention_heads"] = side.heads
        options[f"{name}_normalize_before"] = side.pre_norm
    return Namespace(**options)


def checkpoint(layout: Layout, seed: int = 1, half: bool = False, optimizer: bool = False) -> dict[str, Any]:
    """What the released code saves of a model, trained in half precision or not; `serialise` adds the meters."""
    model = parameters(layout, seed)
    if half:
        halves = {id(value): value.half() for value in model.values()}
        model = OrderedDict((name, halves[id(value)]) for name, value in model.items())
    state: dict[str, Any] = {
        "args": arguments(layout),
        "model": model,
        "optimizer_history": [{"optimizer_name": "FairseqAdam", "lr_scheduler_state": {"best": 5.9}, "num_updates": 7}],
        "extra_state": {"train_iterator": {"epoch": 2, "iterations_in_epoch": 3}, "val_loss": 5.9, "best": 5.9},
    }
    if optimizer:
        distinct = {id(value): value for value in model.values()}.values()
        moments = [{"step": 7, "exp_avg": value.clone(), "exp_avg_sq": value.abs()} for value in distinct]
        group = {"lr": 5e-4, "betas": (0.9, 0.999), "params": list(range(len(moments)))}
        state["last_optimizer_state"] = {"state": dict(enumerate(moments)), "param_groups": [group]}
    return state


def serialise(state: dict[str, Any], legacy: bool = False) -> bytes:
    """The bytes of a checkpoint; objects of classes named fairseq.meters.* lie in it, as in those of 2019."""
    module, meters = ModuleType("fairseq.meters"), OrderedDict()
    for name in ("AverageMeter", "TimeMeter", "StopwatchMeter"):
        kind = type(name, (), {"__module__": "fairseq.meters"})
        setattr(module, name, kind)
        meters[name] = kind()
        meters[name].__dict__.update(val=1.5, sum=3.0, count=2)
    state = {**state, "extra_state": {**state.get("extra_state", {}), "train_meters": meters}}
    buffer = io.BytesIO()
    with mock.patch.dict(sys.modules, {"fairseq.meters": module}):
        torch.save(state, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def on_a_gpu(legacy: bytes) -> bytes:
    """A legacy checkpoint as if its tensors had been saved from a GPU."""
    moved = legacy.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    for kind in (b"FloatStorage", b"HalfStorage"):
        moved = moved.replace(b"ctorch\n" + kind + b"\n", b"ctorch.cuda\n" + kind + b"\n")
    return moved


def words(layout: Layout, side: str) -> list[str]:
    """The words of a dictionary; a joint one holds those of both languages."""
    language = "joint" if layout.shared == "all" else side
    return [f"{language}{number}" for number in range(getattr(layout, side).words)]


def write(folder: Path, layout: Layout, content: bytes, name: str = "checkpoint_best.pt") -> Path:
    """Write a checkpoint's bytes and its dictionaries, dict.en.txt and dict.de.txt; returns the checkpoint's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, language in (("encoder", "en"), ("decoder", "de")):
        lines = (f"{word} {1000 - number}\n" for number, word in enumerate(words(layout, side)))
        (folder / f"dict.{language}.txt").write_text("".join(lines), encoding="utf-8")
    (folder / name).write_bytes(content)
    return folder / name
