"""Ways to decode side by side: strategies, schedules, orders and rules to stop, beside beam search."""

from __future__ import annotations

from typing import Any

from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.experiments.axes import described, signed
from fairseq_cmlm.experiments.case import Case, varied
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import Subject
from fairseq_cmlm.render.table import Table
from fairseq_cmlm.schedule import SCHEDULES

PASSES = (4, 10)
SURE: dict[str, Any] = {"strategy": "without_remasking"}
# With each number of passes; what the checkpoint's objective has not trained is left out.
WAYS: list[dict[str, Any]] = [
    {},
    *({"mask_schedule": name} for name in SCHEDULES if name != "linear"),
    *({"order": name} for name in ORDERS if name != "probability"),
    SURE,
    {"strategy": "path_planning", "plan_by": "pseudo_likelihood"},
    {"strategy": "all_tokens"},
    {"strategy": "edit"},
    {"strategy": "path_planning"},
    {"strategy": "remdm_cap", "eta": 0.3},
    {"strategy": "remdm_conf"},
    {"halve_candidates": 1},
]
# Decodings without a fixed number of passes.
STOPPING: list[dict[str, Any]] = [
    {"iterations_per_token": 0.5, "iterations": 10},
    {"stop_unchanged": 1, "iterations": 10},
    *({**SURE, "iterations": 10, "confidence_threshold": sure} for sure in (0.5, 0.6, 0.7, 0.8)),
    *({**SURE, "order": "entropy", "iterations": 0, "entropy_bound": bound} for bound in (0.5, 1.0, 2.0)),
    {"block_length": 8, "iterations": 4},
]
LEGEND = """\
Each row decodes as the first one of its T does, but for what it names. passes: of the decoder, for a sentence's best
translation (with --search-with one after the other for all), mean; what a planner reads comes on top. rows: passes
over all candidates, mean. seconds: of one run, not repeated. difference: of BLEU from the first row of this table
with 10 passes, with the p-value of paired bootstrap (sacreBLEU's seed)."""


def cases(subject: Subject) -> list[Case]:
    """Return every way to decode that the model is trained for, and the baseline."""
    prior = {"length_prior": subject.priors[-1]}
    ways = [{**prior, **way, "iterations": T} for T in PASSES for way in WAYS] + [{**prior, **way} for way in STOPPING]
    ways += [{**prior, "iterations": max(PASSES), "preset": name} for name in PRESETS if name != "full"]
    found = [case for way in ways for case in subject.possible(**way)]
    return [*dict.fromkeys(found), *subject.beam_search(1, 5)]


def table(results: Results) -> Table:
    """Return a row for each case."""
    all_cases = cases(results.subject)
    names = varied(all_cases)
    ten = next(case for case in all_cases if getattr(case.decoding, "iterations", None) == max(PASSES))
    rows = [{**described(case, names), **results.measured(case, results.cells[case].output, ten)} for case in all_cases]
    return Table("Ways to decode", rows, LEGEND, details=signed(all_cases))
