"""BLEU by the number of passes, beside autoregressive models (paper, tables 1 and 2)."""

from __future__ import annotations

from typing import Optional, Sequence

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments import paper
from fairseq_cmlm.experiments.axes import described, signed
from fairseq_cmlm.experiments.case import Case, varied
from fairseq_cmlm.experiments.results import Results, figure
from fairseq_cmlm.experiments.subject import AUTOREGRESSIVE, PAPER, Subject, as_in_the_paper
from fairseq_cmlm.render.table import Row, Table

PASSES = (1, 4, 10, 0)
LEGEND = """\
T: passes; N is one a token. length prior: weight of the length model in the choice of the candidate; the paper
chooses by the mean log-probability of the tokens alone. passes: of the decoder, one after the other, mean: those of
the best translation, and with --search-with those of all; an autoregressive decoder makes one a token. tokens a pass:
of these translations, `</s>` counted, over all passes."""


def cases(subject: Subject) -> list[Case]:
    """Return each T with the paper's choice of the candidate and with ours; and the baseline."""
    masked = [subject.masked(iterations=T, length_prior=prior) for prior in subject.priors for T in PASSES]
    return [*masked, *subject.beam_search(1, 5)]


def table(results: Results) -> Table:
    """Return a row for each case, and the paper's other autoregressive models."""
    all_cases = cases(results.subject)
    names = varied(all_cases)
    rows = [_row(results, case, names) for case in all_cases]
    others = {"on distilled data": paper.AUTOREGRESSIVE_DISTILLED, "large": paper.AUTOREGRESSIVE_LARGE}
    for name, figures in others.items():
        if results.pair in figures:
            theirs: Row = {"system": f"paper: {AUTOREGRESSIVE}, {name}", "paper, base": figures[results.pair]}
            rows.append({**dict.fromkeys(rows[0]), **theirs})
    return Table("BLEU by the number of passes", rows, LEGEND, details=signed(all_cases))


def _row(results: Results, case: Case, names: Sequence[str]) -> Row:
    return {
        **described(case, names),
        "length prior": _prior(case),
        "BLEU": results.score("bleu", case),
        "chrF": results.score("chrf", case),
        "passes": results.passes(case),
        "tokens a pass": results.tokens_per_pass(case),
        "paper, small": figure(paper.SMALL.get(results.pair, {}), case) if as_in_the_paper(case) else None,
        "paper, base": _base(case, results.pair) if as_in_the_paper(case) else None,
    }


def _prior(case: Case) -> Optional[str]:
    """Say which choice of the candidate it is."""
    if not isinstance(case.decoding, Decoding):
        return None
    known = {Decoding().length_prior: "the default", PAPER["length_prior"]: "as in the paper"}
    value = case.value("length_prior")
    return f"{value}, {known[case.decoding.length_prior]}" if case.decoding.length_prior in known else value


def _base(case: Case, pair: str) -> Optional[float]:
    if case.masked:
        return figure(paper.BASE.get(pair, {}), case)
    return paper.AUTOREGRESSIVE_BASE.get(pair) if getattr(case.decoding, "beam", None) == 5 else None
