"""Chapter: improvements."""

from __future__ import annotations

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part, Picture
from fairseq_cmlm.course.chapters.strategies import way
from fairseq_cmlm.course.commands import COLLECT
from fairseq_cmlm.course.drawing import Panel, bars, panels
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.rows import Row, beam_search, masked
from fairseq_cmlm.course.text import Cell, Text, number


def _name(row: Row) -> str:
    chosen, planned = row["chosen by"], row["planned by"]
    if row.get("added"):
        return f"pool with {row['added']}, by {chosen}"
    return chosen if planned == "confidence" else f"{chosen}, planned by {planned}"


def _choice(results: ResultFolder) -> Exhibit:
    every = results.table("choice")
    beam = beam_search(every)
    rows = masked(every)
    few, many = ([row for row in rows if str(row["T"]) == T] for T in ("4", "10"))
    base = {str(part[0]["T"]): part[0]["BLEU"] for part in (few, many)}
    possible = [row for row in few if row["chosen by"] != "oracle"]
    best = max(possible, key=lambda row: row["BLEU"])
    shown = [
        [
            _name(row),
            str(row["T"]),
            number(row["BLEU"], 1),
            f"{row['BLEU'] - base[str(row['T'])]:+.1f}",
            number(row["chrF"], 1),
            number(row["repeated %"], 2),
        ]
        for row in rows
    ]
    return Exhibit(
        {"base": base["4"], "best": best["BLEU"], "name": _name(best), "beam": beam["BLEU"]},
        Picture(
            Text("BLEU with four passes by chooser and planner", "四轮时各种选择与计划方式的 BLEU"),
            bars("BLEU, T=4", {_name(row): row["BLEU"] for row in few}, start=min(row["BLEU"] for row in few) - 2),
        ),
        Grid(
            [
                Text("candidate chosen by", "候选的选择依据"),
                "T",
                "BLEU",
                Text("gain", "增益"),
                "chrF",
                Text("repeated, %", "重复，%"),
            ],
            shown,
        ),
    )


def _models(results: ResultFolder) -> Exhibit:
    rows = results.table("comparison")
    names = [key.removesuffix(", BLEU") for key in rows[0] if key.endswith(", BLEU") and not key.startswith("paper")]
    lines = {name: [(row["T"], row[f"{name}, BLEU"]) for row in rows] for name in names}
    cells: list[list[Cell]] = [
        [
            name,
            *(number(row[f"{name}, BLEU"], 1) for row in rows),
            *(number(row[f"{name}, repeated %"], 2) for row in rows),
        ]
        for name in names
    ]
    order = sorted(names, key=lambda name: lines[name][-1][1])
    best, worst = order[-1], order[0]
    return Exhibit(
        {
            **{"best": best, "bleu": lines[best][-1][1], "T": rows[-1]["T"], "decoding": rows[-1]["decoding"]},
            **{"worst": worst, "least": lines[worst][-1][1]},
        },
        Picture(
            Text("BLEU by T, a line a training", "BLEU 随 T 的变化，每种训练一条线"), panels(Panel("T", "BLEU", lines))
        ),
        Grid(
            [
                Text("training", "训练"),
                *(f"BLEU, T={row['T']}" for row in rows),
                *(Text(f"repeated, %, T={row['T']}", f"重复，%，T={row['T']}") for row in rows),
            ],
            cells,
        ),
    )


_SPARING = (
    *("preset", "halve candidates", "iterations per token", "stop unchanged", "confidence threshold"),
    "entropy bound",
)


def _spares(row: Row, usual: Row) -> str:
    """Name the option by which a row reads fewer rows than the `usual` one; nothing where there is none."""
    return next((name for name in _SPARING if row.get(name) != usual.get(name)), "")


def _sparing(results: ResultFolder) -> Exhibit:
    rows = results.table("samplers")
    ten, beam = masked(rows, T=10)[0], beam_search(rows)
    fewer = (row for row in masked(rows) if _spares(row, ten) and row["rows"] < ten["rows"])
    kept = sorted(fewer, key=lambda row: row["rows"])
    kinds = sorted({_spares(row, ten) for row in kept})
    lines = {kind: [(row["rows"], row["BLEU"]) for row in kept if _spares(row, ten) == kind] for kind in kinds}
    near = next((row for row in kept if row["BLEU"] > ten["BLEU"] - 1), ten)
    return Exhibit(
        {
            **{"rows": ten["rows"], "bleu": ten["BLEU"], "least": kept[0]["rows"], "least_bleu": kept[0]["BLEU"]},
            **{
                "least_T": kept[0]["T"],
                "near": way(near, ten),
                "near_T": near["T"],
                "near_rows": near["rows"],
                "near_bleu": near["BLEU"],
            },
        },
        Picture(
            Text("BLEU against the rows that the decoder reads for a sentence", "BLEU 与解码器为一个句子读取的行数"),
            panels(
                Panel(
                    "rows read",
                    "BLEU",
                    {**lines, "mask_predict, T=10": [(ten["rows"], ten["BLEU"])]},
                    {"beam 5": beam["BLEU"]},
                )
            ),
        ),
        Grid(
            [Text("decoding", "解码"), "T", "BLEU", Text("passes", "轮数"), Text("rows read", "读取的行数")],
            [
                [way(row, ten), str(row["T"]), number(row["BLEU"], 1), number(row["passes"], 1), number(row["rows"], 1)]
                for row in [ten, *kept]
            ],
        ),
    )


CHAPTER = Chapter(
    Text("Improvements", "改进"),
    Text(
        "Since the paper there have been four kinds of improvement: better training, so that the model copes with "
        "its own words; a better choice among the candidates; better plans of what to mask again; and fewer passes.",
        "论文之后的改进大致有四类：更好的训练，让模型能应付它自己写的词；在候选中做更好的选择；更好地计划重新掩码什"
        "么；以及更少的轮数。",
    ),
    [
        Part(
            Text("Choosing and planning", "选择与计划"),
            Text(
                "With four passes, the model's own confidence chooses candidates of {base:.1f} BLEU. The best "
                "possible reading (`{name}`) reaches {best:.1f}; beam search of the teacher has {beam:.1f}. A pool "
                "has the hypotheses of a beam search beside the candidates. The oracle takes the candidate that is "
                "most like the reference, which no decoding can know: it shows what is left to gain by choosing.",
                "四轮时，按模型自己的置信度选出的候选为 {base:.1f} BLEU。实际可行的最好方式（`{name}`）达到 "
                "{best:.1f}；教师模型的束搜索为 {beam:.1f}。pool 把束搜索的假设与候选放在一起选。oracle 取与参考"
                "译文最相似的候选，任何解码都无从得知：它表明通过选择还能得到多少。",
            ),
            COLLECT,
            _choice,
        ),
        Part(
            Text("Training", "训练"),
            Text(
                "At T={T}, `{best}` is best with {bleu:.1f} BLEU; the least, `{worst}`, has {least:.1f}. All decode "
                "with `{decoding}`; another choice of the length (`length_prior`) gives other numbers.",
                "T={T} 时，`{best}` 最好，{bleu:.1f} BLEU；最差的 `{worst}` 为 {least:.1f}。解码设置都是 `{decoding}`；"
                "长度的选择方式（`length_prior`）不同，数值也不同。",
            ),
            COLLECT,
            _models,
        ),
        Part(
            Text("Fewer passes", "更少的轮数"),
            Text(
                "Ten passes over five candidates read {rows:.1f} rows a sentence and give {bleu:.1f} BLEU. Giving "
                "candidates up early, or stopping when sure, reads as few as {least:.1f} (T={least_T}), with "
                "{least_bleu:.1f} BLEU. The cheapest within one BLEU of ten passes is: {near}, T={near_T}, with "
                "{near_rows:.1f} rows and {near_bleu:.1f} BLEU.",
                "对五个候选做十轮，每句读取 {rows:.1f} 行，得到 {bleu:.1f} BLEU。及早放弃候选，或有把握就停，最少只"
                "读 {least:.1f} 行（T={least_T}），BLEU 为 {least_bleu:.1f}。与十轮相差不到 1 BLEU 的解码中，最省的是 "
                "{near}，T={near_T}：{near_rows:.1f} 行，{near_bleu:.1f} BLEU。",
            ),
            COLLECT,
            _sparing,
        ),
    ],
    [
        "Julian Salazar, Davis Liang, Toan Q. Nguyen, Katrin Kirchhoff: *Masked Language Model Scoring*. ACL 2020. "
        "<https://arxiv.org/abs/1910.14659>",
        "Shankar Kumar, William Byrne: *Minimum Bayes-Risk Decoding for Statistical Machine Translation*. NAACL "
        "2004. <https://aclanthology.org/N04-1022>",
        "Heli Ben-Hamu et al.: *Accelerated Sampling from Masked Diffusion Models via Entropy Bounded Unmasking* "
        "(EB-Sampler). 2025. <https://arxiv.org/abs/2505.24857>",
    ],
)
