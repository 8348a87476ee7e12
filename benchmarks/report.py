"""Tables and facts as Markdown and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from benchmarks.memory import Peak
from benchmarks.ratios import Spread
from fairseq_cmlm.files import write_text
from fairseq_cmlm.render.markdown import markdown_table


def document(
    title: str, facts: Mapping[str, Any], head: Sequence[str], rows: Sequence[Sequence[str]], legend: str
) -> str:
    """Markdown: the title, what was measured on what, the table, and how to read it."""
    listed = [f"- {key}: {_plain(fact)}" for key, fact in facts.items()]
    return "\n".join([f"# {title}", "", *listed, "", markdown_table(head, rows), "", legend])


def _plain(fact: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in fact.items()) if isinstance(fact, Mapping) else str(fact)


def ratio_cell(ratio: Optional[Spread]) -> str:
    """Median (least-greatest)."""
    return "-" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


def memory_cell(peak: Optional[Peak]) -> str:
    """MB of model and work."""
    return "-" if peak is None else f"{peak.work:.0f}"


def fields(value: Optional[Any]) -> Optional[dict[str, float]]:
    """A named tuple for JSON."""
    return None if value is None else value._asdict()


def write(prefix: Path, text: str, facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write PREFIX.md, and PREFIX.json with the facts and `rows`."""
    write_text(Path(f"{prefix}.md"), text)
    write_text(Path(f"{prefix}.json"), json.dumps({**facts, "rows": rows}, indent=1))
