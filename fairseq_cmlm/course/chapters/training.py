"""Chapter: training."""

from __future__ import annotations

from typing import Any, Mapping

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT, ablation
from fairseq_cmlm.course.curves import comparison, curve_panels, last
from fairseq_cmlm.course.drawing import cells, panels
from fairseq_cmlm.course.results import Curve, ResultFolder
from fairseq_cmlm.course.text import Cell, Text, escaped, number


def _views(results: ResultFolder) -> Exhibit:
    found = results.file("views", "sentences")
    sentence, mask = found["sentences"][0], found["mask"]
    target = sentence["target"]
    canvases = [("target", target), *_chosen(sentence, mask)]
    states = [[_state(word, right, mask) for word, right in zip(words, target)] for _, words in canvases]
    shown = [["" if word == mask else word for word in words] for _, words in canvases]
    rows: list[list[Cell]] = [
        [name, number(100 * state.count("masked") / len(state), 0), number(100 * state.count("own") / len(state), 0)]
        for (name, _), state in zip(canvases[1:], states[1:])
    ]
    return Exhibit(
        {"source": escaped(sentence["source"]), "tokens": len(target)},
        Picture(
            Text(
                "The target sentence, and below what each method has the network read: grey is masked, orange the "
                "network's own",
                "上面是目标句，下面是各方法让网络读到的画布：灰色为掩码，橙色为网络自己的词",
            ),
            cells([name for name, _ in canvases], shown, states),
        ),
        Grid(
            [Text("method", "方法"), Text("masked, %", "掩码，%"), Text("the network's own, %", "网络自己的词，%")],
            rows,
        ),
    )


def _chosen(sentence: Mapping[str, Any], mask: str) -> list[tuple[str, list[str]]]:
    """Return three draws of the paper's masks, and of each other method the canvas with the most of its own words."""
    draws, target = sentence["draws"], sentence["target"]

    def own(canvas: list[str]) -> int:
        return [_state(word, right, mask) for word, right in zip(canvas, target)].count("own")

    several = [(f"uniform, draw {i + 1}", draw["uniform"][-1]) for i, draw in enumerate(draws[:3])]
    others = [name for name in draws[0] if name != "uniform"]
    return several + [(name, max((draw[name][-1] for draw in draws), key=own)) for name in others]


def _state(word: str, right: str, mask: str) -> str:
    if word == mask:
        return "masked"
    return "" if word == right else "own"


def _compare(trainings: Mapping[str, Curve], alt: Text) -> Exhibit:
    scored = {name: curve for name, curve in trainings.items() if last(curve, "bleu") is not None}
    best = max(scored, key=lambda name: last(scored[name], "bleu") or 0)
    values = {"number": len(trainings), "best": best, "bleu": last(scored[best], "bleu")}
    return Exhibit(values, Picture(alt, panels(*curve_panels(trainings))), comparison(trainings))


def _methods(results: ResultFolder) -> Exhibit:
    return _compare(
        results.trainings("objectives"),
        Text(
            "BLEU and loss on the validation set by updates, a line a method",
            "验证集上的 BLEU 与损失随更新次数的变化，每种方法一条线",
        ),
    )


def _texts(results: ResultFolder) -> Exhibit:
    return _compare(
        results.trainings("texts"),
        Text(
            "BLEU and loss on the validation set by updates, a line a text",
            "验证集上的 BLEU 与损失随更新次数的变化，每种文本一条线",
        ),
    )


CHAPTER = Chapter(
    Text("Training", "训练"),
    Text(
        "In training the sentence is known, and the network learns to restore what is hidden of it. How much is "
        "hidden is drawn anew each time, from one token to all: so the network is ready for every pass of a "
        "decoding. Methods after the paper's also show the network words of its own, since that is what it reads in "
        "decoding.",
        "训练时句子是已知的，网络学习恢复被遮住的部分。遮住多少每次重新抽取，从一个词元到全部：这样网络就为解码中的"
        "每一轮做好了准备。后来的方法还让网络看到它自己写的词，因为解码时它读到的正是这些。",
    ),
    [
        Part(
            Text("Views of a real sentence", "真实句子的各种视图"),
            Text(
                "The source is “{source}”, and its translation has {tokens} tokens. Three draws of uniform masks; "
                "then what other methods show, each in the draw with the most of the network's own words. Orange "
                "words are the network's own and wrong: a method that shows them teaches the network to live with "
                "its mistakes, or to mend them.",
                "源句是“{source}”，译文有 {tokens} 个词元。先是均匀掩码的三次抽样，然后是其他方法的视图，各取网络自"
                "己的词最多的一次抽样。橙色是网络自己写错的词：把它们展示出来的方法，教网络容忍错误或改正错误。",
            ),
            COLLECT,
            _views,
        ),
        Part(
            Text("Training methods compared", "训练方法对比"),
            Text(
                "{number} trainings from the same model with as many more updates each; `more` is the control. Best "
                "by the last validation (T=10, one length candidate): `{best}`, {bleu:.1f} BLEU.",
                "{number} 个训练从同一模型出发，各再训练同样多的更新；`more` 是对照。按最后一次验证（T=10，一个长度"
                "候选），最好的是 `{best}`，{bleu:.1f} BLEU。",
            ),
            ablation("examples/multi30k/objectives.txt"),
            _methods,
        ),
        Part(
            Text("What is learned from", "从什么文本学习"),
            Text(
                "{number} trainings that differ in their text: `more` learns the teacher's translations, `more-mixed` "
                "these and the human ones. Best: `{best}`, {bleu:.1f} BLEU. Losses of different texts are comparable, "
                "for all are validated on the same one.",
                "{number} 个训练只在文本上不同：`more` 学习教师模型的译文，`more-mixed` 两者都学。最好的是 `{best}`，"
                "{bleu:.1f} BLEU。它们都在同一验证集上验证，因此损失可以互相比较。",
            ),
            ablation("examples/multi30k/texts.txt"),
            _texts,
        ),
    ],
    [
        "Ghazvininejad et al. 2019, section 3.2. <https://arxiv.org/abs/1904.09324>",
        "Marjan Ghazvininejad, Omer Levy, Luke Zettlemoyer: *Semi-Autoregressive Training Improves Mask-Predict "
        "Decoding* (SMART). 2020. <https://arxiv.org/abs/2001.08785>",
        "Lihua Qian et al.: *Glancing Transformer for Non-Autoregressive Neural Machine Translation* (GLAT). ACL "
        "2021. <https://arxiv.org/abs/2008.07905>",
        "Xiao Shi Huang, Felipe Perez, Maksims Volkovs: *Improving Non-Autoregressive Translation Models Without "
        "Distillation* (CMLMC). ICLR 2022. <https://openreview.net/forum?id=I2Hw58KHp8O>",
        "All objectives of this package: [Objectives](../../OBJECTIVES.md).",
    ],
)
