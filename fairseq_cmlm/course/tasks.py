"""Results of a task, as examples/steps/task.sh leaves them: as a table, as bars, and as a part of a chapter."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, Optional, Sequence

from fairseq_cmlm.course.chapter import Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import task
from fairseq_cmlm.course.drawing import bars
from fairseq_cmlm.course.results import LackingError, ResultFolder
from fairseq_cmlm.course.text import Cell, Text, joined, number
from fairseq_cmlm.measures.table import TASK_MEASURES

Found = Mapping[str, Any]
SYSTEM = Text("system", "系统")


def first_measure(found: Found) -> str:
    """Return the measure that a task is judged by: the first of its format."""
    return str(next(iter(found["scores"])))


def heights(found: Found) -> dict[str, float]:
    """Return the first measure of each system that has it."""
    scores = zip(found["systems"], found["scores"][first_measure(found)])
    return {system: score for system, score in scores if score is not None}


def title(measure: str) -> str:
    """Return a measure's name as tables show it."""
    return TASK_MEASURES[measure].title


_CHINESE = {
    **{"accuracy %": "准确率 %", "calibration error %": "校准误差 %", "calibrated error %": "校准后的误差 %"},
    **{"entities %": "提到的实体 %", "exact blanks %": "完全正确的空缺 %", "BLEU of blanks": "空缺的 BLEU"},
    **{
        "given words kept %": "保留的给定词 %",
        "repeated tokens %": "重复的词元 %",
        "repeated words %": "重复的词 %",
        "perplexity": "困惑度",
    },
    **{"exact match %": "完全匹配 %", "length ratio": "长度比", "document BLEU": "文档 BLEU"},
    **{"document chrF": "文档 chrF", "terms alike %": "一致的术语 %", "temperature": "温度"},
}


def named(measure: str) -> Text:
    """Return a measure's name in both languages; what is a name of its own, such as BLEU, is the same in both."""
    return Text(title(measure), _CHINESE.get(title(measure), title(measure)))


def grid(found: Found) -> Grid:
    """Return a row for each system, with all measures, passes and seconds."""
    measures = {
        name: [number(score, TASK_MEASURES[name].digits) for score in scores]
        for name, scores in found["scores"].items()
    }
    costs = [[number(one[key], 1) for one in found["made"]] for key in ("passes", "seconds")]
    rows: list[list[Cell]] = [list(row) for row in zip(found["systems"], *measures.values(), *costs)]
    return Grid([SYSTEM, *map(named, measures), Text("passes", "轮数"), Text("seconds", "秒")], rows)


_GROUPED = {
    **{"triples": "三元组数", "words of the reference": "参考译文的词数", "length of the text": "文本长度"},
    **{"words of the source": "原文的词数", "what is missing": "空缺的种类", "kind": "问题类型"},
}
_GROUP_NAMES = {"explicit": "明确", "implicit": "隐含", "word": "词", "phrase": "短语", "sentence": "句子"}


def group_grids(found: Found) -> list[Grid]:
    """Return tables for each way of grouping the examples: the scores of each system in each group."""
    grids = []
    for name, groups in found["groups"].items():
        grids.append(_group_grid(found, name, first_measure(found), [group["scores"] for group in groups]))
        # Results of earlier versions have the main measure alone.
        for measure in groups[0].get("others", {}):
            grids.append(_group_grid(found, name, measure, [group["others"][measure] for group in groups]))
    return grids


def _group_grid(found: Found, name: str, measure: str, scores: Sequence[Sequence[Optional[float]]]) -> Grid:
    """Return the table of one measure, of which each group has the `scores` of all systems."""
    shown, digits = named(measure), TASK_MEASURES[measure].digits
    head = Text(f"{shown.en} by {name}", f"按{_GROUPED.get(name, name)}的{shown.zh}")
    columns = zip(*([number(score, digits) for score in group] for group in scores))
    rows: list[list[Cell]] = [[system, *row] for system, row in zip(found["systems"], columns)]
    return Grid([head, *map(_group_head, found["groups"][name])], rows)


def _group_head(group: Mapping[str, Any]) -> Text:
    """Return the name of a group with the number of its examples."""
    name, size = str(group["name"]), group["examples"]
    return Text(f"{name} ({size})", f"{_GROUP_NAMES.get(name, name.replace(' words', ' 词'))}（{size}）")


def _made(name: str, results: ResultFolder) -> Exhibit:
    found = results.tasks().get(name)
    if found is None:
        raise LackingError
    results.read = [path for path in results.read if path.stem == name]
    scores = heights(found)
    best, measure = max(scores, key=lambda system: scores[system]), first_measure(found)
    confusion: Optional[str] = results.confusion(name)
    alt = Text("Bars: {measure} of each system", "条形图：各系统的 {measure}")
    picture = Picture(alt, bars(title(measure), scores))
    if confusion is not None:
        shown = confusion
        picture = Picture(Text("Confusion matrices of the systems", "各系统的混淆矩阵"), lambda: shown)
    values = {"examples": found["examples"], "text": found["text"], "measure": named(measure)}
    values |= {"best": best, "score": scores[best]}
    return Exhibit(values, picture, grid(found), group_grids(found))


def task_part(name: str, recipe: str, heading: Text, prose: Text) -> Part:
    """Return the part of a chapter about one task, whose results are tasks/NAME.json."""
    return Part(heading, prose, task(recipe, name), partial(_made, name))


RIVALS = Text(
    "`teacher` is an autoregressive model of the same size, with which a `warm` model begins; `updates-...` has had as "
    "many updates as the masked one, `longer-...` as much time, all that went into it counted.",
    "`teacher` 是同样大小的自回归模型，`warm` 模型由它开始；"
    "`updates-...` 的更新次数、`longer-...` 的训练时间与掩码模型的全部训练相同。",
)
BEST = Text(
    " Of {examples:,} examples of the split `{text}`; best by {measure}: `{best}`, {score:.1f}. ",
    "`{text}` 集共 {examples:,} 例；按{measure}最好的是 `{best}`，{score:.1f}。",
)


def judged(prose: Text) -> Text:
    """Return the prose of a task with a sentence that tells how many examples there are and which system is best."""
    return joined(prose, BEST, RIVALS)
