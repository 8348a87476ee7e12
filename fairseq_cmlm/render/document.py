"""A report as Markdown and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Mapping

from fairseq_cmlm.files import write_text
from fairseq_cmlm.render.table import Table


def write_document(
    folder: Path, facts: Mapping[str, str], tables: Mapping[str, Table], plots: Mapping[str, Path]
) -> str:
    """Write report.md and report.json of the tables by name, with their plots, and return the Markdown."""
    sections = [f"# Report\n\n{_listed(facts)}"]
    for name, table in tables.items():
        section = f"## {table.title}\n\n{table.markdown()}\n\n{table.legend}"
        plot = f"\n\n![{table.title}]({plots[name].relative_to(folder)})" if name in plots else ""
        sections.append(section + plot)
    text = "\n\n".join(sections) + "\n"
    write_text(folder / "report.md", text)
    numbers = {
        name: {"title": table.title, "legend": table.legend, "rows": table.rows} for name, table in tables.items()
    }
    write_text(folder / "report.json", json.dumps({"facts": facts, "tables": numbers}, indent=1, ensure_ascii=False))
    return text


def _listed(facts: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())
