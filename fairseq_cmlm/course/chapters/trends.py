"""Chapter: trends."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import COLLECT
from fairseq_cmlm.course.drawing import Panel, panels
from fairseq_cmlm.course.fit import power_law
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.text import Cell, Text, joined, number

_NOISE = 2.0  # BLEU: a rise of less may be that of the seed
_EXTRAPOLATED = Text("extrapolated, not measured", "外推，未实测")


def _fitted(points: Sequence[tuple[float, float]], x: Text, label: str) -> Exhibit:
    """Fit a power law; go on to twice and four times the greatest x if the points settle it and rise above noise."""
    law = power_law(points)
    greatest, rises = points[-1][0], points[-1][1] - points[0][1] > _NOISE
    on = law.settled and rises
    beyond = [(factor * greatest, law.at(factor * greatest)) for factor in (1, 2, 4)] if on else []
    rows: list[list[Cell]] = [[number(a, 0), number(b, 1), number(law.at(a), 1), ""] for a, b in points]
    rows += [[number(a, 0), "-", number(b, 1), _EXTRAPOLATED] for a, b in beyond[1:]]
    lines = {"measured": points, "fit": [(a, law.at(a)) for a, _ in points]}
    verdict = _SETTLED if on else _UNSETTLED if rises else _FLAT
    return Exhibit(
        {**law._asdict(), "last": points[-1][1], "verdict": verdict},
        Picture(
            _DOTTED if on else Text("Measured points and the fitted law", "实测点与拟合曲线"),
            panels(Panel(label, "BLEU", {**lines, "beyond what was measured": beyond} if beyond else lines, log=True)),
        ),
        Grid([x, Text("BLEU, measured", "BLEU，实测"), Text("BLEU, fitted", "BLEU，拟合"), ""], rows),
    )


def _passes(results: ResultFolder) -> Exhibit:
    rows = results.table("repetition")
    return _fitted([(row["T"], row["BLEU"]) for row in rows], Text("passes T", "轮数 T"), "T")


def _updates(results: ResultFolder) -> Exhibit:
    curve = results.trainings("long")["warm-distilled-long"]
    return _fitted([(n, curve[n]["bleu"]) for n in sorted(curve)], Text("updates", "更新次数"), "updates")


def _data(results: ResultFolder) -> Exhibit:
    curves = results.trainings("sizes")
    found = {int(name): curve[max(curve)]["bleu"] for name, curve in curves.items()}
    made = _fitted(sorted(found.items()), Text("training sentences", "训练句数"), "training sentences")
    return replace(made, values={**made.values, "updates": max(map(max, curves.values()))})


_FLAT = Text(
    "The points differ by less than trainings with other seeds may: so nothing is extrapolated.",
    "这些点之间的差别小于换一个随机种子可能带来的差别，因此不作外推。",
)
_DOTTED = Text(
    "Measured points and the fitted law; what is extrapolated is dotted", "实测点与拟合曲线；外推部分用点线表示"
)
_SETTLED = Text(
    "What is dotted, and marked in the table, is extrapolated: nobody has measured it.",
    "点线部分以及表中注明的行是外推，没有人测过。",
)
_UNSETTLED = Text(
    "The points do not settle the exponent, for any smaller one fits as well: so nothing is extrapolated.",
    "这些点定不下指数（更小的指数拟合得同样好），因此不作外推。",
)
_LAW = Text(
    "The law is BLEU = a - b x^-c with a = {limit:.1f}, b = {fall:.3g}, c = {exponent:.2f}, fitted by least "
    "squares; its error at the measured points is {error:.2f} BLEU (root mean square). The last measured point has "
    "{last:.1f}. {verdict}",
    "拟合公式为 BLEU = a - b x^-c，最小二乘得 a = {limit:.1f}，b = {fall:.3g}，c = {exponent:.2f}；在实测点上的均方"
    "根误差为 {error:.2f} BLEU。最后一个实测点为 {last:.1f}。{verdict}",
)
_AS_MANY = Text(
    " All are trainings of {updates:,} updates, one seed each. The fewer the updates, the less often a small text is "
    "repeated, and the less it matters how large it is.",
    "每个训练都是 {updates:,} 次更新，各用一个随机种子。更新次数越少，小语料重复得越少，语料大小的影响也就越小。",
)

CHAPTER = Chapter(
    Text("Trends", "趋势"),
    Text(
        "How much more would more bring? Quality against passes and computation follows a law of falling returns as "
        "far as it was measured; against data, short trainings show little. A fitted curve is no promise: beyond the "
        "measured points it only says what would happen if nothing changed.",
        "再多一些，能好多少？在实测范围内，质量随轮数和计算量的变化呈收益递减；随数据量的变化，短训练看不出多少。拟合"
        "曲线并不是承诺：在实测点之外，它只说明如果规律不变会怎样。",
    ),
    [
        Part(Text("Quality against passes", "质量与轮数"), _LAW, COLLECT, _passes),
        Part(Text("Quality against computation", "质量与计算量"), _LAW, COLLECT, _updates),
        Part(
            Text("Quality against data", "质量与数据量"),
            joined(_LAW, _AS_MANY),
            "bash examples/course/sizes.sh multi30k en-de WORK TEXT RESULTS",
            _data,
        ),
    ],
    [
        "Jared Kaplan et al.: *Scaling Laws for Neural Language Models*. 2020. <https://arxiv.org/abs/2001.08361>",
        "Behrooz Ghorbani et al.: *Scaling Laws for Neural Machine Translation*. ICLR 2022. "
        "<https://arxiv.org/abs/2109.07740>",
        "Shen Nie et al.: *Large Language Diffusion Models* (LLaDA). 2025. <https://arxiv.org/abs/2502.09992>",
    ],
)
