"""Docstrings as Markdown, for the site: what stands in columns, and examples, keep their lines."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

COLUMNS = re.compile(r"^\s*(\S.*?\S|\S) {2,}\S|^\s*>>> ", re.MULTILINE)


def markdown(docstring: str) -> str:
    """Indent the paragraphs that hold columns or begin an example, so that Markdown shows them as they stand."""
    paragraphs = re.split(r"\n\s*\n", docstring)
    return "\n\n".join(re.sub("^", "    ", text, flags=re.M) if COLUMNS.search(text) else text for text in paragraphs)


class Docstrings(Extension):
    """What mkdocstrings asks for each object that it has read."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Make the docstring of an object Markdown."""
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
