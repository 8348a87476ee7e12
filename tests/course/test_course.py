"""The course: every chapter with and without its results, in both languages, and the one in docs/."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from string import Formatter
from typing import Any, Iterator
from unittest import mock
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib", reason="needs the extra plots: pip install '.[plots]'")

from made_up_results import make, write

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.course.chapter import Chapter, Grid
from fairseq_cmlm.course.chapters import CHAPTERS
from fairseq_cmlm.course.page import Section, page, table
from fairseq_cmlm.course.results import ResultFolder
from fairseq_cmlm.course.tasks import named
from fairseq_cmlm.course.text import LANGUAGES, Text
from fairseq_cmlm.formats import FORMATS
from fairseq_cmlm.render import plots

DOCS = Path(__file__).parents[2] / "docs"
LACKS = {"en": "There is no result for this yet", "zh": "此处尚无测量结果"}
# Chapter -> what its English page says of the made-up results.
SAID = {
    "concept": ["| mask\\_predict | 4 | 3 | 1.3 |", "in 3 passes", "needs 2"],
    "principle": [
        "| 1 | 54.9 | 0.4 | 75.0 | 0.0 |",
        "| 2 | 67.2 | 30.0 | 50.0 | 25.0 |",
        "| autoregressive | - | 5 | 38.0 | 15.0 | 1.00 |",
        "is 5.0 times as fast as beam 5, with 33.0 BLEU",
        "greedy search has 37.0 and is 2.5 times as fast",
        "| ours, T=4 | 100 |",
    ],
    "architecture": [
        "2 encoder and 1 decoder layers, 4 features, 12,345 parameters",
        "| encoder.layers.ffn | 2 | 8×4 | 80 |",
        "| masking again what was filled | 34.0 | 32.0 | -2.0 |",
        "| length candidates (l=1 for 5) | 28.5 | 28.1 | -0.4 |",
        "| warm start | 30.0 | 20.0 | -10.0 |",
        "10.0 BLEU, is that of: warm start",
        "| mask-all | 15.0 |",
    ],
    "masking": ["| 1 | 4 | 3 | 0 |", "| 2 | 3 | 2 | 0 |", "falls from 10.0 to 1.0 %", "from 22.0 to 29.2"],
    "strategies": [
        "| without\\_remasking | 2 | the small dog sleeps |",
        "| preset fast | 6 | 31.0 | - |",
        "best here, mask_predict with T=10, has 34.0 BLEU",
    ],
    "training": [
        "| uniform, draw 1 | 50 | 0 |",
        "| smart | 50 | 50 |",
        "| cmlmc | 0 | 50 |",
        "`more-smart`, 32.0 BLEU",
        "`more-mixed`, 33.0 BLEU",
    ],
    "optimisation": [
        "up to 800 updates",
        "| teacher | 800 | - | 4.50 | - |",
        "updates of the usual batch, more of a smaller one. The usual settings have 20.0 BLEU. "
        "Best: `search-rate-2e-3`, 21.0; worst: `search-base`, 20.0",
        "Trainings of 200 updates from random parameters; `seed-2` is `base` with another seed. The usual",
        "worst: `no-clipping`, 12.0",
    ],
    "applications": [
        "| sst2 | classification | 1,000 | raw,labels | accuracy % | 82.5 | 1.0 |",
        "so far: 7",
        "from `tasks/documents.json`.",
    ],
    "tradeoffs": [
        "Of 2 settings, 1 are faster",
        "(T=10, l=5) lacks 4.0 BLEU",
        "+1.5 BLEU on sentences of 1-9",
        "-2.0 on",
    ],
    "improvements": [
        "| autoregressive, planned by autoregressive | 4 | 35.0 | +2.0 |",
        "| pool with beam 5, by autoregressive+consensus:4 | 4 | 36.0 | +3.0 |",
        "candidates of 33.0 BLEU",
        "At T=10, `new` is best with 41.0 BLEU; the least, `more`, has 40.0",
        "All decode with `iterations:10|length_prior:0`",
        "reads as few as 8.5 (T=6), with 31.0 BLEU. The cheapest within one BLEU of ten passes is: mask_predict, T=10",
    ],
    "trends": [
        "a = 30.0, b = 8, c = 1.00",
        "a = 30.0, b = 500, c = 1.00",
        "| 20 | - | 29.6 | extrapolated, not measured |",
        "| 8,000 | 27.5 | 27.5 |",
    ],
    "classification": [
        "| raw,labels | 82.5 | 3.0 | 1.0 | 9.0 |",
        "best by accuracy %: `raw,labels`, 82.5",
        "| accuracy % by length of the text | 0-9 words (400) | 10+ words (600) |",
        "| raw,labels | 70.0 | 90.9 |",
        "Confusion",
        "from `tasks/sst2.json`, `tasks/sst2.svg`.",
    ],
    "generation": ["Of 1,000 examples", "Bars: accuracy % of each system"],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("course") / "results")


def sections(chapter: Chapter, folder: Path) -> list[Section]:
    return [Section(part, ResultFolder(folder)) for part in chapter.parts]


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_says_what_was_measured(name: str, results: Path) -> None:
    made = sections(CHAPTERS[name], results)
    for language in LANGUAGES:
        text = page(name, 1, CHAPTERS[name], made, language)
        assert LACKS[language] not in text and "](../figures/" in text and "\n| " in text
        assert name != "classification" or language != "zh" or "| 按文本长度的准确率 % | 0-9 词（400） |" in text
    english = page(name, 1, CHAPTERS[name], made, "en")
    for said in SAID[name]:
        assert said in english
    for section in made:
        assert section.made is not None
        if section.made.picture:
            assert ElementTree.fromstring(section.made.picture.svg()).tag.endswith("svg")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_without_results_names_the_commands(name: str, tmp_path: Path) -> None:
    chapter = CHAPTERS[name]
    for language in LANGUAGES:
        text = page(name, 1, chapter, sections(chapter, tmp_path), language)
        assert text.count(LACKS[language]) == len(chapter.parts) and "](../figures/" not in text
        for part in chapter.parts:
            assert all(f"    {line}\n" in text for line in part.command.splitlines())


def placeholders(text: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name is not None}


def texts(chapter: Chapter) -> Iterator[Text]:
    yield from (chapter.title, chapter.introduction)
    for part in chapter.parts:
        yield from (part.title, part.prose)


@pytest.mark.parametrize("name", CHAPTERS)
def test_both_languages_say_the_same_numbers(name: str, results: Path) -> None:
    chapter = CHAPTERS[name]
    for text in texts(chapter):
        assert placeholders(text.en) == placeholders(text.zh)
        assert re.search("[一-鿿]", text.zh) and not re.search("[一-鿿]", text.en)
    for section in sections(chapter, results):
        assert section.made is not None
        names = placeholders(section.part.prose.en)
        if section.made.picture:
            assert placeholders(section.made.picture.alt.en) == placeholders(section.made.picture.alt.zh)
            names |= placeholders(section.made.picture.alt.en)
        assert {one for one, _ in names} <= set(section.made.values)


def test_the_command_writes_pages_whose_links_lead_somewhere(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["course", str(results), "--output", str(tmp_path / "docs" / "course")])
    assert capsys.readouterr().out == f"13 chapters in {tmp_path}/docs/course\n"
    pages = sorted((tmp_path / "docs").rglob("*.md"))
    assert len(pages) == 1 + 2 * len(CHAPTERS)
    for written in pages:
        for link in re.findall(r"\]\(([^()\s]+)\)", written.read_text("utf-8")):
            target = (written.parent / link).resolve()
            assert target.is_file(), link


def test_the_command_says_what_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results").mkdir()
    main(["course", str(tmp_path / "results"), "--output", str(tmp_path / "out")])
    told = capsys.readouterr().out.splitlines()
    assert "without a result - principle: Memory" in told
    assert len(told) == 1 + sum(len(chapter.parts) for chapter in CHAPTERS.values())


FOREIGN: list[tuple[str, Any, str]] = [
    ("reports/all.json", "{", "reports/all.json is no JSON"),
    ("reports/all.json", [1], "reports/all.json has no entry 'tables'"),
    ("reports/all.json", {"tables": {"speed": {"rows": []}}}, "reports/all.json: the course cannot use what is there"),
    ("reports/b.json", {"tables": {"speed": {}}}, "all.json and .*b.json hold the table 'speed' both"),
    ("traces/passes.json", {"runs": []}, "traces/passes.json has no entry 'sentences'"),
    ("traces/strategies.json", {"sentences": [{}], "runs": []}, "strategies.json: the course cannot use what is there"),
    ("logs/search/search-base.log", "nothing", "search-base.log holds no validation"),
    ("tasks/sst2.json", {"scores": {"accuracy": [1]}}, "sst2.json.*: the course cannot use what is there"),
    ("tasks/sst2.json", {"scores": {}}, "sst2.json.*: the course cannot use what is there"),
    ("model.json", {"modules": [{"name": "x"}]}, "model.json: the course cannot use what is there"),
]


@pytest.mark.parametrize(("file", "content", "message"), FOREIGN)
def test_what_is_no_result_is_one_clear_message(tmp_path: Path, file: str, content: Any, message: str) -> None:
    write(make(tmp_path / "results") / file, content)
    with pytest.raises(SystemExit, match=f"fairseq-cmlm course: .*{message}"):
        main(["course", str(tmp_path / "results"), "--output", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "fairseq"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
from fairseq_cmlm.commands.main import main
main(["course", sys.argv[1], "--output", sys.argv[2]])
"""


def test_it_needs_neither_torch_nor_fairseq(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    words = [sys.executable, "-c", ALONE, str(tmp_path / "results"), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=DOCS.parent)
    assert done.stdout.startswith("13 chapters in"), done.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=f"there is no folder {tmp_path}/nowhere"):
        main(["course", str(tmp_path / "nowhere"), "--output", str(tmp_path)])


def test_without_matplotlib_nothing_is_written(results: Path, tmp_path: Path) -> None:
    missing = mock.patch.object(plots, "figure_class", lambda: None)
    with missing, pytest.raises(SystemExit, match="need matplotlib"):
        main(["course", str(results), "--output", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_points_that_settle_no_law_are_not_extrapolated(tmp_path: Path) -> None:
    """A straight line in log x has no limit: the law's exponent goes to nothing."""
    folder = make(tmp_path / "results")
    rising = json.loads((folder / "reports" / "all.json").read_text())
    rows = [{"T": T, "BLEU": 10.0 + number, "repeated %": 1.0} for number, T in enumerate((1, 2, 4, 8, 16))]
    rising["tables"]["repetition"]["rows"] = rows
    write(folder / "reports" / "all.json", rising)
    text = sections(CHAPTERS["trends"], folder)[0].markdown("en", "x.svg")
    assert "nothing is extrapolated" in text and "not measured |" not in text


def test_texts_of_others_stay_texts(tmp_path: Path) -> None:
    """A sentence may hold what means something in Markdown and HTML, in prose, in a table and in a figure."""
    assert table(Grid(["<b>"], [["a|b"]]), "en") == "| &lt;b> |\n|---|\n| a\\|b |"
    folder = make(tmp_path / "results")
    for name in ("concept", "strategies"):
        section = sections(CHAPTERS[name], folder)[0]
        assert "<script>" not in section.markdown("en", "x.svg")
        assert section.made is not None and section.made.picture is not None
        assert "<script>" not in section.made.picture.svg()


def test_the_course_in_docs_is_that_of_the_results_in_docs(tmp_path: Path) -> None:
    """Figures are compared by name, for another version of matplotlib draws them otherwise."""
    output = tmp_path / "docs" / "course"
    output.mkdir(parents=True)
    for linked in DOCS.glob("*.md"):
        (output.parent / linked.name).touch()
    main(["course", str(DOCS / "course" / "results"), "--output", str(output)])
    for made in output.rglob("*.md"):
        kept = DOCS / "course" / made.relative_to(output)
        assert made.read_text("utf-8") == kept.read_text("utf-8"), (
            f"{kept} is not up to date: fairseq-cmlm course docs/course/results --output docs/course"
        )
    made, kept = ({one.name for one in (folder / "figures").iterdir()} for folder in (output, DOCS / "course"))
    assert made == kept


def test_every_measure_of_a_task_has_a_name_in_chinese() -> None:
    names = {"BLEU", "chrF", "ROUGE-L", "F1", "macro-F1", "self-BLEU", "distinct-1 %", "distinct-2 %"}
    used = {measure for row in FORMATS.values() for measure in (*row.measures, "length_ratio")}
    assert {named(measure).en for measure in used if named(measure).zh == named(measure).en} == names
