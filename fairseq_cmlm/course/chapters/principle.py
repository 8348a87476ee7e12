"""Chapter: the principle."""

from __future__ import annotations

from typing import Sequence

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT
from fairseq_cmlm.course.drawing import Panel, bars, panels
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.rows import beam_search, masked, pick
from fairseq_cmlm.course.text import Text, number
from fairseq_cmlm.course.traces import Pass, history


def _by_pass(results: ResultFolder) -> Exhibit:
    """Average over the sentences that are long enough to take all passes."""
    histories = [history(sentence) for sentence in results.trace("passes")["sentences"]]
    passes = max(map(len, histories))
    whole = [made for made in histories if len(made) == passes]
    sure, least, masks, changed = zip(*(_of_pass(whole, done) for done in range(passes)))
    numbers = range(1, passes + 1)
    rows = [[str(n), *(number(value, 1) for value in one)] for n, *one in zip(numbers, sure, least, masks, changed)]
    return Exhibit(
        {"sentences": len(whole), "first": sure[0], "last": sure[-1], "passes": passes},
        Picture(
            Text(
                "Two plots by pass: the mean probability of the tokens rises while the share that is masked again "
                "falls",
                "按轮数绘制的两张图：词元的平均概率上升，被重新掩码的比例下降",
            ),
            panels(
                Panel(
                    "pass", "%", {"mean probability": [*zip(numbers, sure)], "least sure token": [*zip(numbers, least)]}
                ),
                Panel("pass", "%", {"masked again": [*zip(numbers, masks)], "changed": [*zip(numbers, changed)]}),
            ),
        ),
        Grid(
            [
                Text("pass", "轮"),
                Text("mean probability, %", "平均概率，%"),
                Text("least sure token, %", "最没把握的词元，%"),
                Text("masked again, %", "重新掩码，%"),
                Text("changed, %", "被改动，%"),
            ],
            rows,
        ),
    )


def _of_pass(histories: Sequence[Sequence[Pass]], done: int) -> tuple[float, float, float, float]:
    """Return for a pass of several sentences, in percent: mean and least probability, share masked, share changed."""
    passes = [made[done] for made in histories]
    tokens = sum(len(one["written"]) for one in passes)
    sure = sum(sum(one["probabilities"]) for one in passes) / tokens
    least = sum(min(one["probabilities"]) for one in passes) / len(passes)
    masks = sum(sum(one["masked_again"]) for one in passes) / tokens
    pairs = zip(passes, (made[max(done - 1, 0)] for made in histories))
    changed = sum(a != b for now, before in pairs for a, b in zip(now["written"], before["written"])) / tokens
    return 100 * sure, 100 * least, 100 * masks, 100 * changed


def _beside(results: ResultFolder) -> Exhibit:
    rows = results.table("speed")
    beam, ours = beam_search(rows), masked(rows, **{"l or beam": 5})
    best = max(ours, key=lambda row: row["BLEU"])
    quick = max(masked(rows), key=lambda row: row["x"])
    greedy = pick(rows, **{"system": "autoregressive", "l or beam": 1})
    shown = [row for row in rows if row in (*ours, quick, beam, greedy)]
    return Exhibit(
        {
            **{"beam": beam["BLEU"], "greedy": greedy["BLEU"], "greedy_x": greedy["x"]},
            **{"best": best["BLEU"], "T": best["T"], "quick": quick["BLEU"], "quick_x": quick["x"]},
        },
        None,
        Grid(
            [
                Text("system", "系统"),
                "T",
                Text("candidates or beam", "候选数或束宽"),
                "BLEU",
                Text("passes", "轮数"),
                Text("times as fast as beam 5", "相对束宽 5 的速度（倍）"),
            ],
            [
                [
                    row["system"],
                    str(row["T"]),
                    str(row["l or beam"]),
                    number(row["BLEU"], 1),
                    number(row["passes"], 1),
                    number(row["x"], 2),
                ]
                for row in shown
            ],
        ),
    )


def _memory(results: ResultFolder) -> Exhibit:
    rows = [row for row in results.file("memory", "rows")["rows"] if row["memory_mb"]]
    found = {f"{row['system']}, T={row['iterations']}" if row["iterations"] else row["system"]: row for row in rows}
    peaks = {name: row["memory_mb"]["process"] - row["memory_mb"]["libraries"] for name, row in found.items()}
    return Exhibit(
        {"batch": rows[0]["batch_size"]},
        Picture(Text("Bars: peak of memory by system", "条形图：各系统的内存峰值"), bars("peak of memory, MB", peaks)),
        Grid(
            [Text("system", "系统"), Text("peak of memory, MB", "内存峰值，MB")],
            [[name, number(peak, 0)] for name, peak in peaks.items()],
        ),
    )


CHAPTER = Chapter(
    Text("The principle", "原理"),
    Text(
        "Given the source X and the tokens that stand, Y_obs, the model gives a probability to every token of every "
        "masked place, independently of the other masked places: P(Y_mask | X, Y_obs) is a product. A token's "
        "probability is also what it is judged by. Pass t keeps the tokens that it is surest of and masks n = N (T "
        "- t) / T of N again, so that each pass sees more and doubts less.",
        "给定源句 X 和已经确定的词元 Y_obs，模型为每个被掩码的位置上的每个词元给出概率，各个被掩码的位置相互独立："
        "P(Y_mask | X, Y_obs) 是一个乘积。词元的概率同时也是评判它的依据。第 t 轮保留最有把握的词元，把 N 个词元中的"
        " n = N (T - t) / T 个重新掩码；于是每一轮看到的更多，疑虑更少。",
    ),
    [
        Part(
            Text("Confidence and masks, pass by pass", "逐轮的置信度与掩码"),
            Text(
                "Over {sentences} sentences that take all {passes} passes, the mean probability of a token rises "
                "from {first:.1f} % after the first pass to {last:.1f} % after the last. The masks fall in a "
                "straight line, as the linear schedule says.",
                "在走完全部 {passes} 轮的 {sentences} 个句子上，词元的平均概率从第一轮之后的 {first:.1f}% 上升到最后"
                "一轮之后的 {last:.1f}%。掩码数按线性计划直线下降。",
            ),
            COLLECT,
            _by_pass,
        ),
        Part(
            Text("Quality and time, beside an autoregressive decoder", "质量与时间：与自回归解码器对比"),
            Text(
                "Beam search with 5 hypotheses has {beam:.1f} BLEU; greedy search has {greedy:.1f} and is "
                "{greedy_x:.1f} times as fast. Mask-predict reaches {best:.1f} at T={T} with five length "
                "candidates. The fastest masked decoding is {quick_x:.1f} times as fast as beam 5, with {quick:.1f} "
                "BLEU. Each is timed with a beam search beside it, batch after batch in turn; on a busy machine a "
                "ratio of a single round is rough.",
                "束宽为 5 的束搜索得到 {beam:.1f} BLEU；贪心搜索为 {greedy:.1f}，速度是它的 {greedy_x:.1f} 倍。掩码"
                "预测用五个长度候选、T={T} 时达到 {best:.1f}。最快的掩码解码是束宽 5 的 {quick_x:.1f} 倍速，BLEU 为 "
                "{quick:.1f}。每种解码都与束搜索逐批交替计时；机器繁忙时，只测一轮的比值不太准确。",
            ),
            COLLECT,
            _beside,
        ),
        Part(
            Text("Memory", "内存"),
            Text(
                "Peak of model and work in batches of {batch} sentences, with random weights of the same size.",
                "以 {batch} 句为一批、使用同样规模的随机权重时，模型与计算所占内存的峰值。",
            ),
            COLLECT,
            _memory,
        ),
    ],
    [
        "Ghazvininejad et al. 2019, sections 2 and 3. <https://arxiv.org/abs/1904.09324>",
        "Ashish Vaswani et al.: *Attention Is All You Need*. NeurIPS 2017. <https://arxiv.org/abs/1706.03762>",
    ],
)
