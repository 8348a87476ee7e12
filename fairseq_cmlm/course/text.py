"""A text in the languages of the course."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple, Union

# Language -> its own name.
LANGUAGES = {"en": "English", "zh": "中文"}


class Text(NamedTuple):
    """A text in each of LANGUAGES, perhaps with placeholders such as {bleu:.1f}."""

    en: str
    zh: str

    def filled(self, language: str, values: Mapping[str, Any]) -> str:
        """Return the text of a language with `values` in the place of its placeholders; they may be texts themselves.

        >>> Text("{n} passes", "{n} 轮").filled("zh", {"n": 4})
        '4 轮'
        """
        own = {name: written(one, language) if isinstance(one, Text) else one for name, one in values.items()}
        return str(getattr(self, language)).format(**own)


def joined(*texts: Text) -> Text:
    """Return texts one after the other.

    >>> joined(Text("One. ", "一。"), Text("Two.", "二。")).zh
    '一。二。'
    """
    return Text("".join(text.en for text in texts), "".join(text.zh for text in texts))


# What stands in a cell: in two languages, or the same in both.
Cell = Union[str, Text]


def written(cell: Cell, language: str) -> str:
    """Return a cell in a language.

    >>> written(Text("pass", "轮"), "zh"), written("4", "zh")
    ('轮', '4')
    """
    return cell if isinstance(cell, str) else str(getattr(cell, language))


def number(value: object, digits: int) -> str:
    """Return a number with so many digits behind the point, a dash for none, anything else as it is.

    >>> number(31.257, 1), number(None, 1), number("N", 1), number(1000, 0)
    ('31.3', '-', 'N', '1,000')
    """
    if value is None:
        return "-"
    return f"{value:,.{digits}f}" if isinstance(value, (int, float)) else str(value)


def escaped(text: str) -> str:
    r"""Escape the marks of Markdown and HTML in the text of others.

    >>> print(escaped("<mask> a|b_c*"))
    &lt;mask> a\|b\_c\*
    """
    return re.sub(r"([|_*`\\])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


def listed(names: Iterable[str]) -> Text:
    """Return names as code, one after the other.

    >>> listed(["a", "b"]).zh
    '`a`、`b`'
    """
    marked = [f"`{name}`" for name in names]
    return Text(", ".join(marked), "、".join(marked))
