"""A chapter as a page of Markdown."""

from __future__ import annotations

import re
from typing import Optional

from fairseq_cmlm.course.chapter import Chapter, Exhibit, Grid, Part
from fairseq_cmlm.course.results import LackingError, ResultFolder
from fairseq_cmlm.course.text import LANGUAGES, Text, escaped, listed, written
from fairseq_cmlm.errors import TextError
from fairseq_cmlm.render.markdown import markdown_table

SOURCES = Text("Sources", "参考文献")
CONTENTS = Text("Contents", "目录")
_LACKS = Text(
    "**There is no result for this yet.** The command that makes it:",
    "**此处尚无测量结果。** 可由以下命令得到：",
)
_FROM = Text("Made from {files}.", "数据来源：{files}。")
_BY = Text("Measured on {text}, by", "测于 {text}，命令为")


class Section:
    """A part of a chapter as it can be shown: what was made of which files, or nothing."""

    def __init__(self, part: Part, results: ResultFolder) -> None:
        self.part = part
        self.made: Optional[Exhibit] = None
        results.read, results.reports = [], []
        try:
            self.made = part.make(results)
        except LackingError:
            return
        except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
            if isinstance(error, TextError):
                raise
            raise TextError(
                f"{', '.join(map(str, results.read))}: the course cannot use what is there "
                f"({type(error).__name__}: {error}); make it again: {part.command}"
            ) from None
        self.files = [path.relative_to(results.folder).as_posix() for path in results.read]
        self.reports = list(dict.fromkeys(results.reports))

    def markdown(self, language: str, figure: str) -> str:
        """Return the section; `figure` is the address of its picture."""
        lines = [f"## {written(self.part.title, language)}"]
        if self.made is None:
            return "\n\n".join([*lines, written(_LACKS, language), _code(self.part.command)])
        lines.append(self.part.prose.filled(language, self.made.values))
        if self.made.picture:
            lines.append(f"![{self.made.picture.alt.filled(language, self.made.values)}]({figure})")
        lines += [table(grid, language) for grid in (self.made.grid, *self.made.groups) if grid]
        lines.append("*" + _FROM.filled(language, {"files": listed(self.files)}) + "*")
        for command, text in self.reports:
            lines += [_BY.filled(language, {"text": _measured(text)}), _code(command)]
        return "\n\n".join(lines)


def _measured(text: str) -> Text:
    """Return what a report says of its text, `SOURCE and REFERENCE, N sentences`, in both languages."""
    found = re.fullmatch(r"(.+) and (.+), (\d+) sentences", text)
    return Text(text, "{} 与 {} 的 {} 句".format(*found.groups()) if found else text)


def page(name: str, number: int, chapter: Chapter, sections: list[Section], language: str) -> str:
    """Return the page of a chapter in a language."""
    other = next(one for one in LANGUAGES if one != language)
    links = f"[{written(CONTENTS, language)}](../index.md) · [{LANGUAGES[other]}](../{other}/{name}.md)"
    shown = [one.markdown(language, f"../figures/{name}-{i + 1}.svg") for i, one in enumerate(sections)]
    sources = "\n".join(f"- {source}" for source in chapter.sources)
    return (
        "\n\n".join(
            [
                f"# {number}. {written(chapter.title, language)}",
                links,
                written(chapter.introduction, language),
                *shown,
                f"## {written(SOURCES, language)}",
                sources,
            ]
        )
        + "\n"
    )


def table(grid: Grid, language: str) -> str:
    """Return a table as Markdown; what means something there is escaped."""
    rows = [[escaped(written(cell, language)) for cell in row] for row in grid.rows]
    return markdown_table([escaped(written(cell, language)) for cell in grid.head], rows)


def _code(command: str) -> str:
    return "\n".join(f"    {line}" for line in command.splitlines())
