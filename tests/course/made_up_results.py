"""A made-up folder of results, with every kind that the course can show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

from made_up_trace import ENGLISH, LONGER, SOURCES, TEXTS, translation

from fairseq_cmlm.tracing import Run, trace_document

STRATEGIES = ("mask_predict", "without_remasking", "remdm_cap", "left_to_right")
GROUPS = {
    "models": {"warm-distilled": 30.0, "warm-raw": 28.0, "distilled": 20.0},
    "training": {"base": 25.0, "mask-all": 15.0},
    "objectives": {"more": 31.0, "more-smart": 32.0},
    "texts": {"more": 31.0, "more-mixed": 33.0},
    "search": {"search-base": 20.0, "search-rate-2e-3": 21.0},
    "optimisation": {"base": 20.0, "no-clipping": 12.0},
    "sizes": {"1000": 10.0, "2000": 20.0, "4000": 25.0, "8000": 27.5},
}


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def validation(updates: int, bleu: Optional[float]) -> str:
    score = "" if bleu is None else f" | bleu {bleu}"
    return f"INFO | valid | epoch 001 | valid on 'valid' subset | nll_loss 4.5{score} | num_updates {updates}\n"


def trace() -> dict[str, Any]:
    """Two sentences in four strategies."""
    runs = []
    for name, passes in zip(STRATEGIES, (ENGLISH, LONGER, ENGLISH, LONGER)):
        found = [translation(source, [passes]) for source in SOURCES[:2]]
        runs.append(Run(name, f"strategy:{name}|iterations:3", found))
    return trace_document(TEXTS[:2], runs, ("de", "en"))


def masked(passes: int, bleu: float, **more: Any) -> dict[str, Any]:
    row = {"system": "model", "T": str(passes), "l or beam": 5, "BLEU": bleu, "chrF": 50.0, "repeated %": 1.5}
    cost = {"passes": float(passes), "rows": 5.0 * passes, "seconds": 10.0}
    return {**row, **cost, "difference": None, **more}


def beam(bleu: float = 38.0) -> dict[str, Any]:
    return {**masked(1, bleu), "system": "autoregressive", "T": "-", "passes": 15.0, "rows": None}


def tables() -> dict[str, list[dict[str, Any]]]:
    """The rows of a report, by table."""
    usual = {"strategy": "mask_predict", "mask schedule": "linear"}
    repetition = [{"T": T, "BLEU": 30 - 8 / T, "repeated %": 10 / T} for T in (1, 2, 4, 10)]
    candidates = [{"l": size, "BLEU": 28.0 + size / 10} for size in (1, 5)]
    lengths = [
        {"length": "1-9", "sentences": 9, "T=4": 40.0, "T=10": 41.0, "beam 5": 39.5},
        {"length": "10-19", "sentences": 2, "T=4": 30.0, "T=10": 31.0, "beam 5": 33.0},
        {"length": "20-29", "sentences": 0, "T=4": None, "T=10": None, "beam 5": None},
    ]
    samplers = [
        masked(4, 33.0, **usual),
        masked(10, 34.0, **usual),
        masked(10, 32.0, **{**usual, "strategy": "without_remasking"}),
        masked(6, 31.0, **{**usual, "preset": "fast"}, rows=8.5),
        beam(),
    ]
    choice = [
        masked(T, bleu, **{"chosen by": chosen, "planned by": planned})
        for T, bleu, chosen, planned in (
            (4, 33.0, "confidence", "confidence"),
            (4, 37.0, "oracle", "confidence"),
            (4, 35.0, "autoregressive", "autoregressive"),
            (10, 34.0, "confidence", "confidence"),
        )
    ]
    pool = {"chosen by": "autoregressive+consensus:4", "planned by": "autoregressive", "added": "beam 5"}
    choice.append(masked(4, 36.0, **pool))
    comparison = [
        {"T": T, "more, BLEU": 30.0 + T, "more, repeated %": 2.0, "new, BLEU": 31.0 + T, "new, repeated %": 1.0}
        | {"decoding": f"iterations:{T}|length_prior:0"}
        for T in (1, 10)
    ]
    speed = [
        {**beam(), "x": 1.0},
        {**beam(37.0), "l or beam": 1, "x": 2.5},
        masked(4, 33.0, x=5.0),
        masked(10, 34.0, x=0.8),
    ]
    return {
        **{"repetition": repetition, "candidates": candidates, "lengths": lengths, "samplers": samplers},
        **{"choice": [*choice, {**beam(), "chosen by": "-"}], "comparison": comparison, "speed": speed},
    }


def task(name: str) -> dict[str, Any]:
    """The results of a task with two systems."""
    return {
        **{"format": "classification", "text": "test.jsonl", "examples": 1000, "systems": ["linear", "raw,labels"]},
        "scores": {"accuracy": [80.0, 82.5], "calibration_error": [None, 3.0]},
        "made": [{"seconds": 0.5, "passes": None}, {"seconds": 9.0, "passes": 1.0}],
        "groups": {
            "length of the text": [
                {"name": "0-9 words", "examples": 400, "scores": [90.0, 70.0]},
                {"name": "10+ words", "examples": 600, "scores": [None, 90.9]},
            ]
        },
    }


TASKS = ("sst2", "agnews", "data_to_text", "paraphrase", "infilling", "fairytaleqa", "documents")
SHAPES = {
    "encoder.embedding.tokens": [[9, 4]],
    "encoder.layers.0.ffn.expand": [[8, 4], [8]],
    "encoder.layers.1.ffn.expand": [[8, 4], [8]],
    "encoder.lengths": [[7, 4]],
    "decoder.layers.0.self_attention.query": [[4, 4], [4]],
    "decoder.output": [[9, 4]],
}


def make(folder: Path) -> Path:
    """Fill a folder and return it."""
    for name in ("strategies", "passes"):
        write(folder / "traces" / f"{name}.json", trace())
    rows = {name: {"title": name, "legend": "", "rows": one} for name, one in tables().items()}
    facts = {"command": "`fairseq-cmlm report CHECKPOINT`", "text": "made up"}
    write(folder / "reports" / "all.json", {"facts": facts, "tables": rows})
    for group, scores in GROUPS.items():
        for name, score in scores.items():
            log = validation(100, score - 5) + validation(200, score)
            write(folder / "logs" / group / f"{name}.log", log)
    curve = [validation(updates, 30 - 500 / updates) for updates in (100, 200, 400, 800)]
    write(folder / "logs" / "long" / "warm-distilled-long.log", "".join(curve))
    write(folder / "logs" / "long" / "teacher.log", validation(800, None))
    modules = [{"name": name, "kind": "x", "shapes": dict(enumerate(one))} for name, one in SHAPES.items()]
    write(folder / "model.json", {"checkpoint": "mixed", "parameters": 12345, "modules": modules})
    draw = {"uniform": [["a", "<mask>"]], "smart": [["b", "<mask>"]], "cmlmc": [["a", "<mask>"], ["a", "c"]]}
    sentence = {"source": "ein Satz", "target": ["a", "</s>"], "draws": [draw] * 3}
    write(folder / "views.json", {"mask": "<mask>", "sentences": [sentence]})
    memory = {"process": 300.0, "libraries": 200.0}
    systems = [{"system": "ours", "iterations": 4, "batch_size": 16, "memory_mb": memory}]
    write(folder / "memory.json", {"rows": [*systems, {**systems[0], "system": "beam5", "iterations": None}]})
    for name in TASKS:
        write(folder / "tasks" / f"{name}.json", task(name))
    write(folder / "tasks" / "sst2.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder
