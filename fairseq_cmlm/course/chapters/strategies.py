"""Chapter: iterative strategies."""

from __future__ import annotations

from functools import partial

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT
from fairseq_cmlm.course.drawing import bars
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.rows import Row, beam_search, masked
from fairseq_cmlm.course.text import Text, escaped, number
from fairseq_cmlm.course.traces import history, with_runs
from fairseq_cmlm.render.trace_picture import picture

_SHOWN = ("mask_predict", "without_remasking", "remdm_cap")


def _side_by_side(results: ResultFolder) -> Exhibit:
    trace = results.trace("strategies")
    shown = with_runs(trace, _SHOWN, 0)
    rows = [
        [name, str(len(history(shown["sentences"][0], run))), history(shown["sentences"][0], run)[-1]["text"]]
        for run, name in enumerate(_SHOWN)
    ]
    return Exhibit(
        {"source": escaped(shown["sentences"][0]["text"])},
        Picture(
            Text("The passes of three strategies, one below the other", "三种策略的各轮画布，上下排列"),
            partial(picture, shown),
        ),
        Grid([Text("strategy", "策略"), Text("passes", "轮数"), Text("translation", "译文")], rows),
    )


_MEASURED = ("T", "BLEU", "difference", "chrF", "repeated %", "passes", "rows", "seconds", "decoding")


def way(row: Row, usual: Row) -> str:
    """Name how a row of the table `samplers` decodes, by what differs from the `usual` row.

    >>> way({"T": "4", "strategy": "edit", "eta": "none"}, {"T": "10", "strategy": "mask_predict", "eta": "none"})
    'edit'
    """
    told = {name: row[name] for name in row if name not in _MEASURED and row[name] != usual.get(name)}
    if "preset" in told:
        return f"preset {told['preset']}"
    names = (str(value) if name == "strategy" else f"{name} {value}" for name, value in told.items())
    return ", ".join(names) or str(usual["strategy"])


def _table(results: ResultFolder) -> Exhibit:
    rows = results.table("samplers")
    ours, beam = masked(rows), beam_search(rows)
    ten = masked(rows, T=10)
    names = {way(row, ten[0]): row["BLEU"] for row in ten}
    best = max(ours, key=lambda row: row["BLEU"])
    return Exhibit(
        {"ways": len(ours), "best": best["BLEU"], "name": way(best, ten[0]), "T": best["T"], "beam": beam["BLEU"]},
        Picture(
            Text("BLEU of each way to decode with at most ten passes", "各种解码方式最多用十轮时的 BLEU"),
            bars("BLEU, T=10", names, start=min(names.values()) - 2),
        ),
        Grid(
            [
                Text("decoding", "解码"),
                "T",
                "BLEU",
                Text("difference", "差"),
                "chrF",
                Text("repeated, %", "重复，%"),
                Text("passes", "轮数"),
                Text("rows read", "读取的行数"),
            ],
            [
                [
                    way(row, ten[0]),
                    str(row["T"]),
                    number(row["BLEU"], 1),
                    number(row["difference"], 1),
                    number(row["chrF"], 1),
                    number(row["repeated %"], 2),
                    number(row["passes"], 1),
                    number(row["rows"], 1),
                ]
                for row in ours
            ],
        ),
    )


CHAPTER = Chapter(
    Text("Iterative strategies", "迭代策略"),
    Text(
        "A strategy answers one question: which places does the next pass predict again? Mask-predict takes back "
        "what it is least sure of. *Without remasking*, what is filled stays, and a threshold lets a pass keep as "
        "much as it is sure of. ReMDM draws what is masked again. Easy-first and left-to-right fill one place a "
        "pass.",
        "策略只回答一个问题：下一轮重新预测哪些位置？掩码预测收回最没有把握的词元。“不再掩码”则保留已填的一切，并可"
        "用阈值让一轮保留所有足够有把握的词元。ReMDM 随机抽取要重新掩码的位置。“先易后难”和“从左到右”每轮只填一个位"
        "置。",
    ),
    [
        Part(
            Text("Side by side", "并排对比"),
            Text(
                "The same model translates “{source}” by three strategies. Dashed tokens are masked again, grey "
                "boxes are not filled yet, underlined tokens changed.",
                "同一个模型用三种策略翻译“{source}”。虚线框将被重新掩码，灰色框尚未填写，下划线表示有改动。",
            ),
            COLLECT,
            _side_by_side,
        ),
        Part(
            Text("All of them measured", "全部实测"),
            Text(
                "{ways} ways to decode with one model. The best here, {name} with T={T}, has {best:.1f} BLEU; beam "
                "search of the autoregressive teacher has {beam:.1f}. *Rows read* counts the passes over all "
                "candidates of a sentence, which is what a decoding costs; what a planner reads comes on top. "
                "Differences are from mask-predict with ten passes, with the p-value of paired bootstrap.",
                "同一模型的 {ways} 种解码方式。这里最好的是 {name}（T={T}），得到 {best:.1f} BLEU；自回归教师模型的"
                "束搜索为 {beam:.1f}。*读取的行数*把一个句子所有候选的轮数加在一起，即解码的代价；计划者的读取另计。"
                "差值相对于十轮的掩码预测，并给出配对自助法的 p 值。",
            ),
            COLLECT,
            _table,
        ),
    ],
    [
        "Ghazvininejad et al. 2019. <https://arxiv.org/abs/1904.09324>",
        "Guanghan Wang et al.: *Remasking Discrete Diffusion Models with Inference-Time Scaling* (ReMDM). 2025. "
        "<https://arxiv.org/abs/2503.00307>",
        "Fred Zhangzhi Peng et al.: *Path Planning for Masked Diffusion Model Sampling* (P2). 2025. "
        "<https://arxiv.org/abs/2502.03540>",
        "All strategies of this package, with their sources: [Strategies](../../STRATEGIES.md).",
    ],
)
