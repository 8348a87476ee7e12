"""Tables and facts as Markdown and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping

from fairseq_cmlm.files import write_text
from fairseq_cmlm.render.table import Table


def document(title: str, facts: Mapping[str, Any], *sections: str) -> str:
    """Return the Markdown of a title, the facts of a measurement, and the sections."""
    listed = "\n".join(f"- {name}: {_plain(fact)}" for name, fact in facts.items())
    return "\n\n".join([f"# {title}", listed, *sections]) + "\n"


def section(table: Table) -> str:
    """Return the Markdown of a table and how to read it."""
    return f"{table.markdown()}\n\n{table.legend}"


def write_report(folder: Path, facts: Mapping[str, Any], tables: Mapping[str, Table], plots: Mapping[str, Path]) -> str:
    """Write report.md and report.json of the tables by name, with their plots, and return the Markdown."""
    sections = []
    for name, table in tables.items():
        plot = f"\n\n![{table.title}]({plots[name].relative_to(folder)})" if name in plots else ""
        sections.append(f"## {table.title}\n\n{section(table)}{plot}")
    text = document("Report", facts, *sections)
    write_text(folder / "report.md", text)
    numbers = {
        name: {"title": table.title, "legend": table.legend, "rows": table.records} for name, table in tables.items()
    }
    write_text(folder / "report.json", json.dumps({"facts": facts, "tables": numbers}, indent=1, ensure_ascii=False))
    return text


def _plain(fact: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in fact.items()) if isinstance(fact, Mapping) else str(fact)
