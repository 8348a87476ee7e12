"""Chapter: applications."""

from __future__ import annotations

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.commands import task
from fairseq_cmlm.course.drawing import bars
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.tasks import RIVALS, SYSTEM, first_measure, heights, judged, named, task_part
from fairseq_cmlm.course.text import Cell, Text, joined, number


def _all(results: ResultFolder) -> Exhibit:
    tasks = results.tasks()
    rows: list[list[Cell]] = []
    shown: dict[str, float] = {}
    for name, found in tasks.items():
        scores = heights(found)
        passes = dict(zip(found["systems"], (one["passes"] for one in found["made"])))
        for system, score in scores.items():
            shown[f"{name}, {system}"] = score
            facts = [name, found["format"], number(found["examples"], 0), system, named(first_measure(found))]
            rows.append([*facts, number(score, 1), number(passes[system], 1)])
    return Exhibit(
        {"tasks": len(tasks)},
        Picture(
            Text("Bars: the first measure of each system in each task", "条形图：每个任务中各系统的首要指标"),
            bars("first measure of the task", shown),
        ),
        Grid(
            [
                Text("task", "任务"),
                Text("format", "格式"),
                Text("examples", "例数"),
                SYSTEM,
                Text("measure", "指标"),
                Text("score", "得分"),
                Text("passes", "轮数"),
            ],
            rows,
        ),
    )


CHAPTER = Chapter(
    Text("Applications", "应用"),
    Text(
        "What can be written as source and target can be done by a masked decoder: data to text, paraphrase, "
        "filling gaps, labels, answers. One model, one decoder and one set of commands serve all; a *format* says "
        "how a task's records become source and target, what a template fixes, and what the task is measured by.",
        "凡是能写成源端和目标端的任务，掩码解码器都能做：数据到文本、复述、填空、打标签、回答问题。模型、解码器和命"
        "令都是同一套；*格式*规定一个任务的记录如何变成源端和目标端，模板固定哪些词，以及用什么指标衡量。",
    ),
    [
        Part(
            Text("One table over tasks", "各任务一览"),
            joined(
                Text(
                    "Tasks measured so far: {tasks}. Each row is a system with the first measure of its task; measures "
                    "of different tasks are not comparable. ",
                    "目前已测的任务数：{tasks}。每行是一个系统及其任务的首要指标；不同任务的指标不可比较。",
                ),
                RIVALS,
            ),
            task("data_to_text", "data_to_text"),
            _all,
        ),
        task_part(
            "documents",
            "documents",
            Text("Whole documents", "整篇文档"),
            judged(
                Text(
                    "A help page is translated paragraph by paragraph, in windows of several paragraphs at once, or in "
                    "windows one paragraph after the other (*blocks*).",
                    "翻译整页帮助文档：逐段翻译、把若干段放在一个窗口里同时翻译，或在窗口里一段接一段地翻译（*blocks*）。",
                )
            ),
        ),
    ],
    [
        "Formats and commands: [Applications](../../APPLICATIONS.md).",
        "Claire Gardent, Anastasia Shimorina, Shashi Narayan, Laura Perez-Beltrachini: *The WebNLG Challenge*. INLG "
        "2017. <https://aclanthology.org/W17-3518>",
        "Chris Donahue, Mina Lee, Percy Liang: *Enabling Language Models to Fill in the Blanks*. ACL 2020. "
        "<https://arxiv.org/abs/2005.05339>",
    ],
)
