"""Chapter: optimisation."""

from __future__ import annotations

from functools import partial

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Part, Picture
from fairseq_cmlm.course.commands import COLLECT, ablation
from fairseq_cmlm.course.curves import comparison, curve_panels, last
from fairseq_cmlm.course.drawing import bars, panels
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.text import Text, joined, listed


def _curves(results: ResultFolder) -> Exhibit:
    found = results.trainings("long")
    return Exhibit(
        {"names": listed(found), "updates": max(max(curve) for curve in found.values())},
        Picture(
            Text("BLEU and loss on the validation set by updates", "验证集上的 BLEU 与损失随更新次数的变化"),
            panels(*curve_panels(found)),
        ),
        comparison(found),
    )


def _variants(group: str, base: str, results: ResultFolder) -> Exhibit:
    """Compare the trainings of a group with the one that has the usual settings."""
    found = results.trainings(group)
    scores = {name: score for name, curve in found.items() if (score := last(curve, "bleu")) is not None}
    order = sorted(scores, key=lambda name: -scores[name])
    return Exhibit(
        {
            "updates": max(found[base]),
            "base": scores[base],
            "best": order[0],
            "bleu": scores[order[0]],
            "worst": order[-1],
            "least": scores[order[-1]],
        },
        Picture(
            Text("BLEU on the validation set by variant", "各变体在验证集上的 BLEU"),
            bars("BLEU", {name: scores[name] for name in order}, start=max(0, scores[order[-1]] - 2)),
        ),
        comparison({name: found[name] for name in order}),
    )


_SEARCHED = Text(
    "All are trained on as many tokens: {updates:,} updates of the usual batch, more of a smaller one. ",
    "训练所用的词元数都相同：通常的批量为 {updates:,} 次更新，批量更小的次数更多。",
)
_AS_LONG = Text(
    "Trainings of {updates:,} updates from random parameters; `seed-2` is `base` with another seed. ",
    "各从随机参数训练 {updates:,} 次更新；`seed-2` 是换了随机种子的 `base`。",
)
_COMPARED = Text(
    "The usual settings have {base:.1f} BLEU. Best: `{best}`, {bleu:.1f}; worst: `{worst}`, {least:.1f}. ",
    "通常的设置得到 {base:.1f} BLEU。最好：`{best}`，{bleu:.1f}；最差：`{worst}`，{least:.1f}。",
)
_TENTHS = Text("One seed each: differences of some tenths are noise.", "每种只用一个随机种子，零点几的差别属于噪声。")
_ONE = Text(
    "One seed each, and short trainings: differences of less than one BLEU are noise.",
    "每种只用一个随机种子，训练又短，不到 1 BLEU 的差别属于噪声。",
)

CHAPTER = Chapter(
    Text("Optimisation", "优化"),
    Text(
        "A CMLM needs more updates than an autoregressive model, for each update trains only the tokens that happen "
        "to be masked. What helps is what helps any Transformer: a warm-up, a decaying learning rate, clipped "
        "gradients, dropout and label smoothing. How much of each is a question to the validation set.",
        "CMLM 比自回归模型需要更多更新，因为每次更新只训练恰好被掩码的词元。有用的手段与一般的 Transformer 相同：预"
        "热、递减的学习率、梯度裁剪、dropout 和标签平滑。每一样用多少，要由验证集来回答。",
    ),
    [
        Part(
            Text("Curves", "训练曲线"),
            Text(
                "{names}, up to {updates:,} updates. The losses of an autoregressive model and of a CMLM are not "
                "comparable: the one is of every token given those before it, the other of masked tokens.",
                "{names}，最多 {updates:,} 次更新。自回归模型与 CMLM 的损失不可比较：前者是给定前文时每个词元的损"
                "失，后者是被掩码词元的损失。",
            ),
            COLLECT,
            _curves,
        ),
        Part(
            Text("Learning rate, batch and dropout", "学习率、批量与 dropout"),
            joined(_SEARCHED, _COMPARED, _TENTHS),
            "UPDATES=300 SAVE_EVERY=300 " + ablation("examples/multi30k/search.txt"),
            partial(_variants, "search", "search-base"),
        ),
        Part(
            Text("Schedule, warm-up, clipping and label smoothing", "学习率计划、预热、裁剪与标签平滑"),
            joined(_AS_LONG, _COMPARED, _ONE),
            ablation("examples/ablations/optimisation.txt"),
            partial(_variants, "optimisation", "base"),
        ),
    ],
    [
        "Diederik P. Kingma, Jimmy Ba: *Adam: A Method for Stochastic Optimization*. ICLR 2015. "
        "<https://arxiv.org/abs/1412.6980>",
        "Ilya Loshchilov, Frank Hutter: *SGDR: Stochastic Gradient Descent with Warm Restarts*. ICLR 2017. "
        "<https://arxiv.org/abs/1608.03983>",
        "Christian Szegedy et al.: *Rethinking the Inception Architecture for Computer Vision* (label smoothing). "
        "CVPR 2016. <https://arxiv.org/abs/1512.00567>",
    ],
)
