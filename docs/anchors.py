"""Anchors of the site: those that GitHub gives the same headings, so that a link works in both."""

from __future__ import annotations

import re
from typing import Any


def anchor(heading: str, separator: str) -> str:
    """Return the anchor of a heading, with a `separator` for each space.

    >>> anchor("Beside beam search: --search-with", "-")
    'beside-beam-search---search-with'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def on_config(config: Any) -> Any:
    """Give MkDocs, which calls this, the function."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = anchor
    return config
