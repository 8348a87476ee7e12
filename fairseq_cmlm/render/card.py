"""The model card: what a model is, how it was trained, what it scores and how to use it, as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

from fairseq_cmlm.render.markdown import markdown_table

_UNKNOWN = "not told"
_SIGNATURE_OF = re.compile(r"of ([^:]+): ")


@dataclass(frozen=True)
class Told:
    """Facts that no checkpoint knows: its scores, its training data, and the licence of that data."""

    scores: Optional[str] = None
    data: Optional[str] = None
    data_licence: Optional[str] = None


def model_card(title: str, introduction: str, usage: Sequence[str], facts: Mapping[str, str], told: Told) -> str:
    """Return a card: introduction, the lines that use the model, a table of facts, and the scores.

    facts  name -> value; rows for the training data and its licence follow them
    """
    facts = {
        **facts,
        "training data": told.data or _UNKNOWN,
        "licence of the training data": told.data_licence or _UNKNOWN,
    }
    rows = [(name, value.replace("|", "\\|")) for name, value in facts.items()]
    parts = [f"# {title}", introduction, "\n".join(f"    {line}" for line in usage), markdown_table(("", ""), rows)]
    return "\n\n".join([*parts, "## Scores", told.scores or _UNKNOWN]) + "\n"


def scores_of(text: str, model: Optional[str] = None) -> Optional[str]:
    r"""Return the part of a score table that concerns one model, or None where no row does; signatures as code.

    text   what `fairseq-cmlm score` printed: tables whose rows begin with an output's name, and signatures below
    model  the outputs are named MODEL, or MODEL and a comma: `distilled,T=10`; None keeps all of them

    >>> table = "| output | BLEU |\n|---|---|\n| raw,T=4 | 20 |\n| raw2,T=4 | 30 |\n\nBLEU tok:13a"
    >>> print(scores_of(table, "raw"))
    | output | BLEU |
    |---|---|
    | raw,T=4 | 20 |
    <BLANKLINE>
        BLEU tok:13a
    """
    kept, rows = [], 0
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""]):
        is_row = line.startswith("| ") and not following.startswith("|---")
        name = line[2:].partition(" | ")[0] if is_row else _signed(line)
        if model is not None and name is not None and name.partition(",")[0] != model:
            continue
        rows += is_row
        kept.append(line if not line or line.startswith("|") else f"    {line}")
    return "\n".join(kept) if rows else None


def _signed(line: str) -> Optional[str]:
    """Return the output whose signature a line is; None if it is that of all outputs, or none."""
    found = _SIGNATURE_OF.search(line)
    return found[1] if found else None
