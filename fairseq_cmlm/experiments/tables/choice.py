"""BLEU and chrF by who chooses the candidate and who plans the passes, beside beam search and the best choice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, Sequence

from fairseq_cmlm.decoding.choice import CHOOSERS
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.planning import PLANNERS
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.experiments.axes import described, signed
from fairseq_cmlm.experiments.case import Case, varied
from fairseq_cmlm.experiments.results import Results
from fairseq_cmlm.experiments.subject import AGREED, RESCORED, Subject
from fairseq_cmlm.measures.measure import Output
from fairseq_cmlm.render.table import Row, Table

PASSES = (4, 10)
_SHOWN = ("choose_by", "plan_by", "rescore_with", "plan_with", "search_with")
PLAIN, MODEL, ORACLE = "confidence", "autoregressive", "oracle"
CONSENSUS = PRESETS["best"]["choose_by"].partition("+")[2]  # consensus beside a likelihood, as in the preset
LEGEND = """\
chosen by, planned by: --choose-by and --plan-by; autoregressive is the model of --rescore-with, --plan-with or else
of --teacher. oracle: the candidate or hypothesis most like the reference, by chrF of the sentence, which no decoding
can choose. rescored, by consensus: the hypotheses of beam search, ranked by its score plus the pseudo-likelihood under
the masked model, or plus 4 times their mean chrF against each other. added: hypotheses of the model of --search-with,
or else of the one that judges, beside the length candidates. passes: one after the other, mean: those of
the best candidate, or where hypotheses are added those of the longest refinement and one a token of the longest
hypothesis; rows: for all candidates of a sentence, mean; what choosers and planners read comes on top. seconds: of
one run, not repeated. difference: of BLEU from the last beam search, with the p-value of paired bootstrap
(sacreBLEU's seed)."""


def cases(subject: Subject) -> list[Case]:
    """Return each T with every chooser, then with every planner and its own choice, and the baseline."""
    masked = [case for T in PASSES for one in _choices(subject) for case in subject.possible(**one, iterations=T)]
    beams = subject.beam_search(1, 5)
    return [*masked, *beams, *(replace(case, system=one) for one in (RESCORED, AGREED) for case in beams[1:])]


def _choices(subject: Subject) -> list[dict[str, Any]]:
    """Return the options of each row."""
    known = [name for name in CHOOSERS if name != MODEL or subject.judge]
    pairs = [(name, PLAIN) for name in known] + [(name, name) for name in known if name in PLANNERS and name != PLAIN]
    pairs += [(f"{name}+{CONSENSUS}", PLAIN) for name in ("pseudo_likelihood", MODEL) if name in known]
    pairs += [(PLAIN, name) for name in PLANNERS if name not in CHOOSERS]
    models = {name: subject.given.get(name, subject.judge) for name in ("rescore_with", "plan_with", "search_with")}
    prior = {"length_prior": subject.priors[-1]}
    pool = {**prior, "choose_by": None, "plan_by": PLAIN, "plan_with": None, "search_with": models["search_with"]}
    pooled = [pool] if models["search_with"] else []
    return [
        {
            "choose_by": chooser,
            "plan_by": planner,
            "rescore_with": models["rescore_with"] if chooser.startswith(MODEL) else None,
            "plan_with": models["plan_with"] if planner == MODEL else None,
            "search_with": None,
            **prior,
        }
        for chooser, planner in pairs
    ] + pooled


def table(results: Results) -> Table:
    """Return a row for each case, and after the first of each T, and each beam, the oracle among its candidates."""
    all_cases = cases(results.subject)
    names = [name for name in varied(all_cases) if name not in _SHOWN]
    beams = results.subject.beam_search(5)
    rows, shown = [], []
    for case in all_cases:
        with_oracle = any(results.cells[case].others) and (not case.masked or _plain(case))
        for oracle in [None, results.oracle(case)] if with_oracle else [None]:
            rows.append(_row(results, case, names, oracle, beams[-1] if beams else None))
            shown.append(case)
    return Table("The choice among candidates", rows, LEGEND, details=signed(shown))


def _plain(case: Case) -> bool:
    """Return whether neither another chooser nor a planner is in use."""
    decoding = case.decoding
    return isinstance(decoding, Decoding) and (decoding.choose_by, decoding.plan_by) == (PLAIN, PLAIN)


def _added(case: Case) -> Optional[str]:
    """Tell what joins the length candidates, None if nothing does."""
    searched = isinstance(case.decoding, Decoding) and case.decoding.search_with
    return f"beam {case.value('beam')}" if searched else None


def _row(results: Results, case: Case, names: Sequence[str], oracle: Optional[Output], baseline: Optional[Case]) -> Row:
    return {
        **described(case, names),
        "chosen by": ORACLE if oracle else case.value("choose_by"),
        "planned by": case.value("plan_by"),
        "added": _added(case),
        **results.measured(case, oracle or results.cells[case].output, baseline),
    }
