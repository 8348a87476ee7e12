"""Chapter: the architecture."""

from __future__ import annotations

import re
from math import prod
from typing import Any, Mapping, NamedTuple, Sequence

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT, ablation
from fairseq_cmlm.course.drawing import bars, drawn
from fairseq_cmlm.course.results import Curve, ResultFolder
from fairseq_cmlm.course.rows import masked, pick
from fairseq_cmlm.course.text import Cell, Text, number


class Block(NamedTuple):
    """Modules of the same name in all layers of a side: how many, and the shapes of one of them."""

    name: str
    times: int
    shapes: list[str]
    parameters: int


def _blocks(modules: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Gather the modules by their part: encoder.layers.0.ffn.expand belongs to `encoder.layers.ffn`."""
    found: dict[str, list[tuple[str, list[int]]]] = {}
    for module in modules:
        side, *rest = module["name"].split(".")
        layer = rest[:1] == ["layers"]
        name = f"{side}.layers.{rest[2]}" if layer else f"{side}.{rest[0]}"
        place = ".".join(rest[1:2] if layer else [])
        found.setdefault(name, []).extend((place, shape) for shape in module["shapes"].values())
    return [_block(name, tensors) for name, tensors in found.items()]


def _block(name: str, tensors: Sequence[tuple[str, list[int]]]) -> Block:
    layers = dict.fromkeys(layer for layer, _ in tensors)
    first = [shape for layer, shape in tensors if layer == next(iter(layers))]
    shapes = ["×".join(map(str, shape)) for shape in first if len(shape) > 1] or ["×".join(map(str, first[0]))]
    return Block(name, len(layers), shapes, sum(prod(shape) for _, shape in tensors))


def _modules(results: ResultFolder) -> Exhibit:
    model = results.file("model", "modules")
    blocks = _blocks(model["modules"])
    layers = {side: max(one.times for one in blocks if one.name.startswith(side)) for side in ("encoder", "decoder")}
    width = next(one.shapes[0] for one in blocks).split("×")[1]
    return Exhibit(
        {"model": model["checkpoint"], "parameters": model["parameters"], "width": int(width), **layers},
        Picture(
            Text(
                "The network as boxes: encoder with the LENGTH token on the left, bidirectional decoder on the right",
                "网络结构框图：左侧是带 LENGTH 词元的编码器，右侧是双向解码器",
            ),
            drawn(8.5, 5.2, lambda figure: _draw(figure, blocks)),
        ),
        Grid(
            [
                Text("module", "模块"),
                Text("layers", "层数"),
                Text("weights of a layer", "每层的权重"),
                Text("parameters", "参数量"),
            ],
            [[one.name, str(one.times), ", ".join(one.shapes), number(one.parameters, 0)] for one in blocks],
        ),
    )


_SIDES = {"encoder": 0.05, "decoder": 0.55}


def _draw(figure: Any, blocks: Sequence[Block]) -> None:
    """Draw each side from its embedding at the bottom to its output at the top."""
    axes = figure.add_axes((0, 0, 1, 1))
    figure.set_layout_engine("none")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 0.95)
    axes.axis("off")
    tops = {}
    for side, x in _SIDES.items():
        shown = [one for one in blocks if one.name.startswith(side) and "around" not in one.name]
        shown.sort(key=lambda one: (not one.name.endswith("embedding"), one.name.endswith(("lengths", "output"))))
        for i, one in enumerate(shown):
            _box(axes, x, 0.1 + i * 0.15, one)
        tops[side] = 0.1 + len(shown) * 0.15
        axes.text(x + 0.2, tops[side] + 0.01, side, ha="center", weight="bold")
        axes.text(x + 0.2, 0.03, _READS[side], ha="center", fontsize=9, color="#56646e")
    axes.annotate("", (_SIDES["decoder"], 0.46), (_SIDES["encoder"] + 0.4, 0.46), arrowprops={"arrowstyle": "->"})
    axes.text(0.5, 0.475, "keys and values\nof the source", fontsize=7, ha="center", va="bottom")


_READS = {"encoder": "LENGTH, x1 ... xS, </s>", "decoder": "canvas: y1, <mask>, y3, <mask> ..., no causal mask"}


def _box(axes: Any, x: float, y: float, block: Block) -> None:
    colour = "#f6d9b5" if block.name.endswith(("lengths", "output")) else "#cfe9e4"
    axes.barh(y + 0.06, 0.4, 0.12, left=x, color=colour, edgecolor="#1d2a33", linewidth=0.8)
    times = f"   ×{block.times}" if block.times > 1 else ""
    axes.text(x + 0.2, y + 0.075, block.name + times, ha="center", va="center", fontsize=9)
    axes.text(x + 0.2, y + 0.035, ", ".join(block.shapes), ha="center", va="center", fontsize=7, color="#56646e")


def _without(results: ResultFolder) -> Exhibit:
    """Compare what is on with what is off, in decodings of one model and in trainings of several."""
    passes, candidates, ways = (results.table(name) for name in ("repetition", "candidates", "samplers"))
    ten = masked(ways, T=10)
    models = results.trainings("models")
    whole = _last(models["warm-distilled"])
    pairs: list[tuple[Text, float, float]] = [
        (
            Text("refinement (T=1 for 10)", "反复修改（T=1 代替 10）"),
            pick(passes, T=10)["BLEU"],
            pick(passes, T=1)["BLEU"],
        ),
        (
            Text("length candidates (l=1 for 5)", "长度候选（l=1 代替 5）"),
            pick(candidates, l=5)["BLEU"],
            pick(candidates, l=1)["BLEU"],
        ),
        (
            Text("masking again what was filled", "允许重新掩码已填的词元"),
            ten[0]["BLEU"],
            pick(ten, strategy="without_remasking")["BLEU"],
        ),
        (Text("warm start", "热启动"), whole, _last(models["distilled"])),
        (Text("distillation", "蒸馏"), whole, _last(models["warm-raw"])),
    ]
    worst = max(pairs, key=lambda pair: pair[1] - pair[2])
    rows: list[list[Cell]] = [[name, number(on, 1), number(off, 1), f"{off - on:+.1f}"] for name, on, off in pairs]
    return Exhibit(
        {"most": worst[1] - worst[2], "name": worst[0], "updates": max(models["warm-distilled"])},
        Picture(
            Text("Bars: BLEU lost where one part is switched off", "条形图：关掉某一部分后损失的 BLEU"),
            bars("BLEU lost", {re.sub(r" \(.*", "", name.en): on - off for name, on, off in pairs}),
        ),
        Grid(
            [
                Text("switched off", "关掉的部分"),
                Text("BLEU with", "有"),
                Text("BLEU without", "无"),
                Text("difference", "差"),
            ],
            rows,
        ),
    )


def _last(curve: Curve) -> float:
    return curve[max(curve)]["bleu"]


def _masks(results: ResultFolder) -> Exhibit:
    found = results.trainings("training")
    heights = {name: _last(curve) for name, curve in found.items()}
    return Exhibit(
        {"base": heights["base"], "updates": max(found["base"])},
        Picture(
            Text("Bars: BLEU on the validation set by what was masked", "条形图：不同掩码方式下验证集上的 BLEU"),
            bars("BLEU", heights),
        ),
        Grid([Text("training", "训练"), "BLEU"], [[name, number(height, 1)] for name, height in heights.items()]),
    )


CHAPTER = Chapter(
    Text("The architecture", "结构"),
    Text(
        "The network is a Transformer with three changes. The decoder has no causal mask: each place sees the "
        "places on both sides. A token LENGTH stands before the source, and its state predicts how many tokens the "
        "target has. The vocabulary has a token for the mask. Everything else is as in an autoregressive model, "
        "which is why one can lend its parameters to a warm start.",
        "网络是一个做了三处改动的 Transformer。解码器没有因果掩码：每个位置都能看到左右两侧。源句之前放一个 LENGTH "
        "词元，由它的状态预测目标句有多少个词元。词表里多了一个掩码词元。其余部分与自回归模型相同，因此可以借用自回"
        "归模型的参数来热启动。",
    ),
    [
        Part(
            Text("Modules and shapes", "模块与形状"),
            Text(
                "Drawn from the checkpoint `{model}`: {encoder} encoder and {decoder} decoder layers, {width} "
                "features, {parameters:,} parameters. One table of embeddings serves source, target and output; it "
                "counts once.",
                "根据检查点 `{model}` 绘制：编码器 {encoder} 层，解码器 {decoder} 层，特征维数 {width}，共 "
                "{parameters:,} 个参数。源端、目标端和输出共用一张词嵌入表，只计一次。",
            ),
            COLLECT,
            _modules,
        ),
        Part(
            Text("Each part switched off", "逐一关掉各部分"),
            Text(
                "Each of the first three rows compares two decodings by one model, the others are trainings of "
                "{updates:,} updates each, by their last validation. The greatest loss, {most:.1f} BLEU, is that "
                "of: {name}. With more updates a cold start catches up in part. Rows of different models are not "
                "comparable with each other.",
                "前三行各比较同一个模型的两种解码；其余各行是各 {updates:,} 次更新的训练，取最后一次验证的结果。损失"
                "最大的一项为 {most:.1f} BLEU：{name}。更新次数更多时，冷启动会追回一部分。不同模型的行之间不可比"
                "较。",
            ),
            COLLECT,
            _without,
        ),
        Part(
            Text("What is masked, and what is learned from", "掩码什么，从什么学习"),
            Text(
                "Trainings of {updates:,} updates from random parameters, by their last validation (T=10, one length "
                "candidate). `base` masks 1 to N tokens and has {base:.1f} BLEU; `mask-to-n-1` leaves one token at "
                "least, as the released code does; `mask-all` masks all, so that only the first pass is trained; "
                "`distilled-text` masks as `base` does, and learns the teacher's translations. One seed "
                "each, and short trainings: differences of less than one BLEU are noise.",
                "各训练 {updates:,} 次更新，从随机参数开始，取最后一次验证（T=10，一个长度候选）。`base` 掩码 1 到 N 个"
                "词元，得到 {base:.1f} BLEU；`mask-to-n-1` 至少留一个词元，与原作者发布的代码相同；`mask-all` 全部掩"
                "码，因此只训练了第一轮；`distilled-text` 的掩码与 `base` 相同，但学习教师模型的译文。每种只用一个随机"
                "种子，训练又短，不到 1 BLEU 的差别属于噪声。",
            ),
            ablation("examples/ablations/training.txt"),
            _masks,
        ),
    ],
    [
        "Ghazvininejad et al. 2019, section 2. <https://arxiv.org/abs/1904.09324>",
        "Yoon Kim, Alexander M. Rush: *Sequence-Level Knowledge Distillation*. EMNLP 2016. "
        "<https://arxiv.org/abs/1606.07947>",
    ],
)
