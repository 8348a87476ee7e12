"""The documents hold together: links, commands and messages in them are those of the program, and the site builds."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from documents import DOCS, ROOT, command_lines, name
from fairseq import options
from fairseq_commands import USER_DIR

from benchmarks.__main__ import BENCHMARKS
from fairseq_cmlm import plugin  # noqa: F401  registers
from fairseq_cmlm.commands import main
from fairseq_cmlm.experiments.tables import TABLES

# Tables that commands have written, which other pages link.
PRINTED = {"multi30k", "lohelp", "speed"}
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if not PRINTED & set(path.parts)]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *PAGES, *sorted((ROOT / "examples").rglob("*.md"))]
PUT_IN = {"$(fairseq-cmlm path)": USER_DIR, "RANK": "0"}
LINK = re.compile(r"\]\(([^()\s]+)\)")


def prose(path: Path) -> str:
    """The text of a document without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub and MkDocs give the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.M)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(prose(document)):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
        assert document not in PAGES or DOCS in target.parents, f"{link} leads out of the site"


def test_every_page_of_the_site_is_in_its_contents_and_in_the_index() -> None:
    contents = (ROOT / "mkdocs.yml").read_text()
    told = set(re.findall(r"^ +- [^:]+: (\S+\.md)$", contents, re.M))
    assert told == {str(page.relative_to(DOCS)) for page in PAGES}
    # The course has an index of its own.
    linked = {
        str((index.parent / link.partition("#")[0]).relative_to(DOCS))
        for index in (DOCS / "index.md", DOCS / "course" / "index.md")
        for link in LINK.findall(index.read_text())
    }
    assert told - {"index.md"} <= linked


def commands(text: str, program: str = "fairseq-cmlm") -> list[list[str]]:
    """The words of each command of a program in the blocks of a document, but of those with an ellipsis."""
    found = [re.split(r" [>|] ", line)[0] for line in command_lines(text, program)]
    return [shlex.split(line, comments=True)[1:] for line in found if "..." not in line]


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if commands(path.read_text())], ids=name)
def test_commands_have_the_options_that_the_program_has(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(document.read_text()):
        try:
            main._parser(words).parse_args(words)
        except SystemExit:
            pytest.fail(f"{shlex.join(words)}: {capsys.readouterr().err}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_options_of_fairseqs_commands_are_there(document: Path) -> None:
    parsers = {
        "fairseq-train": options.get_training_parser,
        "fairseq-generate": options.get_generation_parser,
        "fairseq-interactive": partial(options.get_generation_parser, interactive=True),
    }
    for program, parser in parsers.items():
        for words in commands(document.read_text(), program):
            if "${plugin[@]}" not in words:
                words = [PUT_IN.get(word, word) for word in words]
                _, unknown = options.parse_args_and_arch(parser(), words, parse_known=True)
                assert not [word for word in unknown if word.startswith("-")], words


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_scripts_of_commands_are_there(document: Path) -> None:
    for script in re.findall(r"\b(?:bash|python3?) ((?:examples|tests)/[\w./-]+\.(?:sh|py))\b", document.read_text()):
        assert (ROOT / script).is_file(), script


def test_every_benchmark_and_every_table_of_a_report_is_told() -> None:
    told = (DOCS / "guides/reports.md").read_text()
    assert not [one for one in [*BENCHMARKS, *TABLES] if f"| `{one}` |" not in told]


def written(node: ast.AST) -> str:
    """The text of a string in the code, with an ellipsis where a value stands."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(written, node.values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "…"


def test_the_messages_that_have_a_way_out_are_the_programs() -> None:
    """A row of docs/guides/troubleshooting.md whose first cell is code, up to an ellipsis, is part of a message."""
    rows = re.findall(r"^\| `([^`]+)` \|", (DOCS / "guides/troubleshooting.md").read_text(), re.M)
    files = (ROOT / "fairseq_cmlm").rglob("*.py")
    texts = {written(node) for path in files for node in ast.walk(ast.parse(path.read_text()))}
    assert len(rows) > 30
    for row in rows:
        parts = row.split("…")
        assert any(all(part in text for part in parts) for text in texts), row


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    # With --quiet no warning would count.
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "api/index.html").read_text()
    assert "TracedPass" in page and "alternatives    the best tokens" in page
