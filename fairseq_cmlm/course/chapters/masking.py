"""Chapter: the masking mechanism."""

from __future__ import annotations

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT
from fairseq_cmlm.course.drawing import Panel, cells, panels
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.text import Text, number
from fairseq_cmlm.course.traces import history

_WIDEST = 18  # tokens in a row of a figure


def _which(results: ResultFolder) -> Exhibit:
    """Show the sentence of which most was changed after it was written first, of those that a page has room for."""
    histories = [history(sentence) for sentence in results.trace("passes")["sentences"]]
    fitting = [made for made in histories if len(made[0]["written"]) <= _WIDEST] or histories
    shown = max(fitting, key=lambda made: sum(a != b for a, b in zip(made[0]["written"], made[-1]["written"])))
    states = [["masked" if masks else "" for masks in made["masked_again"]] for made in shown]
    words = [made["written"] for made in shown]
    taken_back = [made["why"].count("taken back") for made in shown]
    rows = [
        [str(i + 1), str(sum(made["predicted"])), str(sum(made["masked_again"])), str(taken)]
        for i, (made, taken) in enumerate(zip(shown, taken_back))
    ]
    return Exhibit(
        {"tokens": len(shown[0]["written"]), "taken": sum(taken_back)},
        Picture(
            Text(
                "Rows are passes, columns are places; grey places are masked again",
                "每行一轮，每列一个位置；灰色位置将被重新掩码",
            ),
            cells([f"pass {i + 1}" for i in range(len(shown))], words, states),
        ),
        Grid(
            [
                Text("pass", "轮"),
                Text("predicted", "预测"),
                Text("masked again", "重新掩码"),
                Text("of these, kept before", "其中此前已保留的"),
            ],
            rows,
        ),
    )


def _by_passes(results: ResultFolder) -> Exhibit:
    rows = results.table("repetition")
    first, last = rows[0], rows[-1]
    lines = {name: [(row["T"], row[name]) for row in rows] for name in ("BLEU", "repeated %")}
    return Exhibit(
        {
            "first": first["BLEU"],
            "last": last["BLEU"],
            "T": last["T"],
            "first_repeated": first["repeated %"],
            "last_repeated": last["repeated %"],
        },
        Picture(
            Text("Two plots by T: BLEU rises, repetition falls", "按 T 绘制的两张图：BLEU 上升，重复率下降"),
            panels(*(Panel("T", name, {"mask_predict": points}) for name, points in lines.items())),
        ),
        Grid(
            ["T", "BLEU", Text("repeated tokens, %", "重复词元，%")],
            [[str(row["T"]), number(row["BLEU"], 1), number(row["repeated %"], 2)] for row in rows],
        ),
    )


CHAPTER = Chapter(
    Text("The masking mechanism", "掩码机制"),
    Text(
        "After pass t of T the n = N (T - t) / T least probable tokens of a row of N are masked again. A token that "
        "was not masked keeps the probability of the pass that wrote it. So the whole row competes in each pass: a "
        "token may be kept for some passes and be taken back later, when others have become surer than it is.",
        "在共 T 轮中的第 t 轮之后，一行 N 个词元里概率最低的 n = N (T - t) / T 个被重新掩码。没有被掩码的词元保留写"
        "下它的那一轮的概率。因此每一轮都是整行竞争：一个词元可能保留了几轮，当别的词元比它更有把握时，又被收回。",
    ),
    [
        Part(
            Text("Which places are masked when", "哪些位置在何时被掩码"),
            Text(
                "Of the traced sentences that fit here this one, of {tokens} tokens, changed most. Grey places are "
                "masked again after the pass. Tokens that were taken back after they had been kept: {taken}.",
                "在有记录且放得下的句子中，这一句（{tokens} 个词元）改动最多。灰色位置在该轮之后被重新掩码。已经保留"
                "的词元被收回共 {taken} 次。",
            ),
            COLLECT,
            _which,
        ),
        Part(
            Text("Quality and repetition by the number of passes", "轮数与质量、重复"),
            Text(
                "A token that equals the one before it is the usual sign of mixed translations. From T=1 to T={T} "
                "such repetition falls from {first_repeated:.1f} to {last_repeated:.1f} % of the tokens, and BLEU "
                "rises from {first:.1f} to {last:.1f}.",
                "与前一个词元相同的词元，是几种译法混在一起的典型征兆。从 T=1 到 T={T}，这种重复从 "
                "{first_repeated:.1f}% 降到 {last_repeated:.1f}%，BLEU 从 {first:.1f} 升到 {last:.1f}。",
            ),
            COLLECT,
            _by_passes,
        ),
    ],
    [
        "Ghazvininejad et al. 2019, section 3.1 and table 3. <https://arxiv.org/abs/1904.09324>",
        "Huiwen Chang, Han Zhang, Lu Jiang, Ce Liu, William T. Freeman: *MaskGIT: Masked Generative Image "
        "Transformer*. CVPR 2022. <https://arxiv.org/abs/2202.04200>",
    ],
)
