"""Chapter: strengths and weaknesses."""

from __future__ import annotations

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT
from fairseq_cmlm.course.drawing import Panel, panels
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.rows import beam_search, masked
from fairseq_cmlm.course.text import Text, number


def _speed(results: ResultFolder) -> Exhibit:
    rows = results.table("speed")
    ours, beam = masked(rows), beam_search(rows)
    sizes = dict.fromkeys(row["l or beam"] for row in ours)
    lines = {f"l={size}": [(row["x"], row["BLEU"]) for row in masked(rows, **{"l or beam": size})] for size in sizes}
    others = [row for row in rows if row["system"] == "autoregressive"]
    lines["autoregressive"] = [(row["x"], row["BLEU"]) for row in others]
    faster = [row for row in ours if row["x"] > 1]
    best = max(ours, key=lambda row: row["BLEU"])
    return Exhibit(
        {
            "faster": len(faster),
            "all": len(ours),
            "gap": beam["BLEU"] - best["BLEU"],
            "T": best["T"],
            "l": best["l or beam"],
        },
        Picture(
            Text("BLEU against speed, a line for each number of length candidates", "BLEU 与速度，每种候选数一条线"),
            panels(Panel("times as fast as beam 5", "BLEU", lines)),
        ),
        Grid(
            [
                Text("system", "系统"),
                "T",
                Text("candidates or beam", "候选数或束宽"),
                "BLEU",
                Text("times as fast as beam 5", "相对束宽 5 的速度（倍）"),
            ],
            [
                [
                    row["system"],
                    str(row["T"]),
                    str(row["l or beam"]),
                    number(row["BLEU"], 1),
                    number(row["x"], 2),
                ]
                for row in rows
            ],
        ),
    )


def _lengths(results: ResultFolder) -> Exhibit:
    rows = results.table("lengths")
    columns = [name for name in rows[0] if name not in ("length", "sentences", "decoding") and "paper" not in name]
    lines = {name: [(row["length"], row[name]) for row in rows if row[name] is not None] for name in columns}
    beam = next(name for name in columns if "beam" in name)
    ours = columns[-2] if columns[-1] == beam else columns[-1]
    full = [row for row in rows if row["sentences"]]
    return Exhibit(
        {
            "short": full[0][ours] - full[0][beam],
            "long": full[-1][ours] - full[-1][beam],
            "first": full[0]["length"],
            "last": full[-1]["length"],
            "number": full[-1]["sentences"],
            "ours": ours,
        },
        Picture(
            Text("BLEU by the length of the reference", "BLEU 随参考译文长度的变化"),
            panels(Panel("subwords of the reference", "BLEU", lines)),
        ),
        Grid(
            [Text("length, subwords", "长度，子词"), Text("sentences", "句数"), *columns],
            [[row["length"], str(row["sentences"]), *(number(row[name], 1) for name in columns)] for row in rows],
        ),
    )


CHAPTER = Chapter(
    Text("Strengths and weaknesses", "优点与缺点"),
    Text(
        "Strengths: the number of passes does not grow with the sentence; time can be traded for quality at will; "
        "words can be fixed anywhere; every word has a probability and can be taken back. Weaknesses: the length "
        "must be guessed first; words of one pass do not know each other; several candidates cost as many rows; a "
        "well-made autoregressive decoder keeps what it has computed, and this one computes every pass anew.",
        "优点：轮数不随句长增长；可以随意用时间换质量；可以在任意位置固定词语；每个词都有概率，并且可以收回。缺点："
        "必须先猜长度；同一轮的词互不知道；多个候选就要多算几行；实现得好的自回归解码器会保留已经算过的部分，而这里"
        "每一轮都要重新计算。",
    ),
    [
        Part(
            Text("Quality against speed", "质量与速度"),
            Text(
                "Of {all} settings, {faster} are faster than beam 5 on this machine. The best of them all (T={T}, "
                "l={l}) lacks {gap:.1f} BLEU to it. One processor core and batches as the report says: other "
                "machines give other ratios, and on a busy one a ratio of a single round is rough.",
                "{all} 种设置中，有 {faster} 种在这台机器上比束宽 5 快。全部设置中质量最好的一种（T={T}，l={l}）比它"
                "低 {gap:.1f} BLEU。条件是一个处理器核、批量如报告所述：换一台机器比值就不同；机器繁忙时，单轮测得的"
                "比值比较粗略。",
            ),
            COLLECT,
            _speed,
        ),
        Part(
            Text("Short and long sentences", "短句与长句"),
            Text(
                "The difference from beam search ({ours}) is {short:+.1f} BLEU on sentences of {first} subwords and "
                "{long:+.1f} on those of {last}, of which there are only {number}.",
                "与束搜索的差（{ours}）：{first} 个子词的句子为 {short:+.1f} BLEU，{last} 个子词的句子为 "
                "{long:+.1f}，后者只有 {number} 句。",
            ),
            COLLECT,
            _lengths,
        ),
    ],
    [
        "Jungo Kasai, Nikolaos Pappas, Hao Peng, James Cross, Noah A. Smith: *Deep Encoder, Shallow Decoder*. ICLR "
        "2021. <https://arxiv.org/abs/2006.10369>",
        "How speed was measured, on which machine: [Speed](../../SPEED.md).",
    ],
)
