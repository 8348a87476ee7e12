"""`fairseq-cmlm course`: all pages and figures, from a folder of results."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fairseq_cmlm.course.chapters import CHAPTERS
from fairseq_cmlm.course.page import Section, page
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.text import LANGUAGES, Text, written
from fairseq_cmlm.files import write_files

_TITLE = Text("Course", "课程")
_WELCOME = Text(
    "Masked decoding in thirteen chapters. Every figure and every table is made of results that were measured with "
    "this repository by `fairseq-cmlm course`; where there is no result yet, the page names the command that makes "
    "it.",
    "用十三章介绍掩码解码。每张图、每张表都由 `fairseq-cmlm course` 根据本仓库实测的结果生成；尚无结果之处，页面会给"
    "出得到它的命令。",
)


def course(folder: Path, output: Path) -> str:
    """Write the pages of all chapters into `output`, and say what was written and what lacks.

    LANGUAGE/NAME.md, figures/NAME-N.svg and index.md; files of the same names are replaced, all or none.
    """
    results = ResultFolder(folder)
    files: dict[Path, str] = {output / "index.md": contents()}
    lacking: list[str] = []
    made = {name: [Section(part, results) for part in chapter.parts] for name, chapter in CHAPTERS.items()}
    for number, (name, chapter) in enumerate(CHAPTERS.items(), start=1):
        for i, section in enumerate(made[name], start=1):
            if section.made is None:
                lacking.append(f"{name}: {section.part.title.en}")
            elif section.made.picture:
                files[output / "figures" / f"{name}-{i}.svg"] = section.made.picture.svg()
        for language in LANGUAGES:
            text = page(name, number, chapter, made[name], language)
            files[output / language / f"{name}.md"] = _linked(text, output / language)
    contained = {path: text.encode("utf-8") for path, text in files.items()}
    write_files({path: lambda file, text=text: file.write(text) for path, text in contained.items()}, replace=True)  # type: ignore[misc]
    told = [f"{len(CHAPTERS)} chapters in {output}", *(f"without a result - {part}" for part in lacking)]
    return "\n".join(told)


def _linked(text: str, folder: Path) -> str:
    """Keep links to other documents only where these are, seen from `folder`, as they are from docs/course."""

    def kept(link: re.Match[str]) -> str:
        return (
            link[0] if Path(os.path.normpath(folder / link[2])).exists() else f"{link[1]} (documents of fairseq_cmlm)"
        )

    return re.sub(r"\[([^]]+)\]\((\.\./\.\./[^)]+)\)", kept, text)


def contents() -> str:
    """Return the page that leads to all chapters, in all languages."""
    parts: list[str] = []
    for language in LANGUAGES:
        chapters = [
            f"{number}. [{written(chapter.title, language)}]({language}/{name}.md)"
            for number, (name, chapter) in enumerate(CHAPTERS.items(), start=1)
        ]
        parts += [f"{'#' * (1 if not parts else 2)} {written(_TITLE, language)}", written(_WELCOME, language)]
        parts.append("\n".join(chapters))
    return "\n\n".join(parts) + "\n"
