"""Chapter: the basic concept."""

from __future__ import annotations

from functools import partial

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.text import Text, number
from fairseq_cmlm.course.traces import history, strategy, with_runs
from fairseq_cmlm.render.trace_picture import picture

_BESIDE = ("mask_predict", "left_to_right")


def _canvas(results: ResultFolder) -> Exhibit:
    trace = results.trace("strategies")
    shown = with_runs(trace, _BESIDE, -1)
    first, second = (history(shown["sentences"][0], run) for run in range(2))
    rows = []
    for sentence in range(len(trace["sentences"])):
        one = with_runs(trace, _BESIDE, sentence)
        for run, facts in enumerate(one["runs"]):
            made = history(one["sentences"][0], run)
            tokens = len(made[-1]["written"])
            rows.append([strategy(facts), str(tokens), str(len(made)), number(tokens / len(made), 1), made[-1]["text"]])
    return Exhibit(
        {"passes": len(first), "tokens": len(first[-1]["written"]), "steps": len(second)},
        Picture(
            Text(
                "The canvas after each of {passes} passes of mask-predict, and below after each of {steps} steps "
                "from left to right",
                "上：掩码预测 {passes} 轮中每一轮之后的画布；下：从左到右 {steps} 步中每一步之后的画布",
            ),
            partial(picture, shown),
        ),
        Grid(
            [
                Text("decoding", "解码方式"),
                Text("tokens", "词元数"),
                Text("passes", "轮数"),
                Text("tokens a pass", "每轮词元数"),
                Text("translation", "译文"),
            ],
            rows,
        ),
    )


CHAPTER = Chapter(
    Text("The basic concept", "基本概念"),
    Text(
        "A masked decoder writes a sentence as one fills in a form. It decides how many places the sentence has, "
        "fills all of them at once, looks at what it has written, wipes out what it doubts, and fills that again. "
        "The row of places is called the *canvas*; one round of filling is a *pass*. An autoregressive decoder "
        "writes as one speaks: one word after the other, and what is said stays said.",
        "掩码解码器写句子，就像填一张表：先决定句子有多少个位置，一次把所有位置填满；然后回头检查，擦掉没有把握的"
        "词，再填一遍。这一排位置叫作*画布*，填一次叫作*一轮*。自回归解码器则像说话：一个词接一个词，说出口的就不能"
        "再收回。",
    ),
    [
        Part(
            Text("A canvas, pass by pass", "逐轮看画布"),
            Text(
                "Above, mask-predict writes {tokens} tokens in {passes} passes: orange tokens are unsure, green "
                "ones sure, and dashed ones are masked again. Below, the same model writes one token a pass from "
                "left to right and needs {steps}. Note how the first pass repeats or mixes words, because no token "
                "knows its neighbours yet, and how later passes settle them. Mistakes that survive the last pass "
                "stay.",
                "上半部分是掩码预测：用 {passes} 轮写出 {tokens} 个词元。橙色表示没有把握，绿色表示有把握，虚线框表"
                "示将被重新掩码。下半部分是同一个模型从左到右每轮写一个词元，共需 {steps} 轮。可以看到，第一轮常有重"
                "复或混杂的词，因为各个词元还不知道邻居是什么；后面的几轮逐渐理顺。最后一轮之后仍留下的错误就不再更"
                "正了。",
            ),
            COLLECT,
            _canvas,
        )
    ],
    [
        "Marjan Ghazvininejad, Omer Levy, Yinhan Liu, Luke Zettlemoyer: *Mask-Predict: Parallel Decoding of "
        "Conditional Masked Language Models*. EMNLP 2019. <https://arxiv.org/abs/1904.09324>",
        "Jiatao Gu, James Bradbury, Caiming Xiong, Victor O.K. Li, Richard Socher: *Non-Autoregressive Neural "
        "Machine Translation*. ICLR 2018. <https://arxiv.org/abs/1711.02281>",
    ],
)
