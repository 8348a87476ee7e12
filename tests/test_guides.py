"""Every command of the documents is run here, as printed but for names and sizes, or a reason says why not."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any, Iterator
from unittest import mock

import pytest
from documents import DOCS, ROOT, command_lines, name
from fairseq_commands import TEACHER, USER_DIR, run

from fairseq_cmlm.commands.main import main
from fairseq_cmlm.runtime.__main__ import main as translate

GUIDE = DOCS / "guides/own_language_pair.md"
# Of what the documents' commands begin with: why they are not run here.
ELSEWHERE = {
    "README.md": "tests/test_readme.py runs them",
    "CHANGELOG.md": "has been",
    "docs/APPLICATIONS.md": "needs a model of each task: task.sh runs the same in tests/test_tasks.py and others",
    "docs/RESULTS.md": "hours of training stand behind each",
    "docs/results/applications.md": "hours of training stand behind each",
    "docs/results/length_prior.md": "hours of training stand behind each",
    "docs/results/multi30k.md": "hours of training stand behind each",
    "docs/concepts.md": "needs the converged model that drew the picture",
    "docs/start.md": "serves until it is stopped: tests/commands/test_demo_command.py",
    "docs/guides/released_checkpoints.md": "needs a released checkpoint: tests/conversion/test_convert.py",
    "docs/course": "hours of training stand behind each",
    "examples/course/README.md": "tests/course/test_course.py",
}
NOT_RUN = {
    "fairseq-cmlm demo": "serves until it is stopped: tests/commands/test_demo_command.py",
    "fairseq-cmlm tasks": "needs the results of two tasks: tests/formats/test_tasks_table.py",
}
# Names of the documents that stand for something else, and sizes of the paper.
PUT_IN = {
    **{"$(fairseq-cmlm path)": USER_DIR, "CHECKPOINT": "averaged.pt", "raw=CHECKPOINT2": "raw=averaged.pt"},
    **{"TEACHER": "TEACHER.pt", "TRANSFORMER": "TEACHER.pt", "CODES": "codes"},
    **{"DATA": "WORK/data", "DATA/text.json": "WORK/data/text.json"},
    **{"checkpoints/averaged.pt": "averaged.pt", "checkpoint_best.pt": "hybrid.pt"},
    **{"32000": "30", "16000": "60", "300000": "2", "16": "1", "1000": "4", "250": "2", "8192": "2000"},
}
SIZES = ("--encoder-layers", "2", "--decoder-layers", "2", "--encoder-embed-dim", "32", "--decoder-embed-dim", "32")
HEADS = ("--encoder-attention-heads", "2", "--decoder-attention-heads", "2")
SMALL = (*SIZES, *HEADS, "--encoder-ffn-embed-dim", "64", "--decoder-ffn-embed-dim", "64", "--num-workers", "0")
OPTIMISER = ("--optimizer", "adam", "--lr", "1e-2", "--max-tokens", "2000", "--max-update", "4")


def commands(document: Path) -> list[str]:
    """The commands of this package and of fairseq in the blocks of a document."""
    return command_lines(
        document.read_text(), r"(?:printf [^\n]* \| )?fairseq-(?:cmlm|train|generate|interactive|cmlm-runtime)"
    )


def documents() -> list[Path]:
    found = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    return [path for path in sorted(found) if commands(path) and not name(path).startswith(tuple(ELSEWHERE))]


def programs(document: Path) -> list[str]:
    """The blocks of a document that are Python."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", document.read_text(), re.M)
    fenced = re.findall(r"^```python\n(.*?)^```$", document.read_text(), re.M | re.S)
    return [block for block in [*map(textwrap.dedent, blocks), *fenced] if is_python(block)]


def is_python(block: str) -> bool:
    try:
        return bool(ast.parse(block).body) and "(" in block
    except SyntaxError:
        return False


def execute(command: str) -> None:
    """Run a line of a shell in this process: a program, its words, a pipe from printf, < and >."""
    given, _, line = command.rpartition(" | ") if command.startswith("printf ") else ("", "", command)
    words = [PUT_IN.get(word, word) for word in shlex.split(line, comments=True)]
    files = {sign: words[words.index(sign) + 1] for sign in "<>" if sign in words}
    words = words[: min([words.index(sign) for sign in files], default=len(words))]
    text = shlex.split(given)[1].encode().decode("unicode_escape") if given else ""
    if "<" in files:
        text = Path(files["<"]).read_text()
    output, stdin = io.StringIO(), io.TextIOWrapper(io.BytesIO(text.encode()))
    with mock.patch.object(sys, "stdin", stdin), contextlib.redirect_stdout(output):
        program, *words = words
        if program == "fairseq-cmlm-runtime":
            translate(words)
        elif program == "fairseq-cmlm":
            main(words)
        else:
            output.write(run(program.removeprefix("fairseq-"), *words, *sizes(program, words)))
    assert output.getvalue() or files.keys() <= {"<"}
    if ">" in files:
        Path(files[">"]).write_text(output.getvalue())


def sizes(program: str, words: list[str]) -> tuple[str, ...]:
    """Options that make a training small, and others one of the CPU."""
    if program != "fairseq-train":
        return ("--cpu", "--num-workers", "0")
    return (*SMALL, "--max-source-positions", "60", "--max-target-positions", "60")


@pytest.fixture(scope="module")
def world(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with what the documents name: TEXT, and what the guide to an own language pair makes of it."""
    folder, before = tmp_path_factory.mktemp("world"), Path.cwd()
    (folder / "TEXT").mkdir()
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de"), ("tgt", "zh"), ("tgt", "ja")):
            lines = (text / f"{split}.{side}").read_text().splitlines(keepends=True)
            (folder / "TEXT" / f"{split}.{language}").write_text("".join(lines))
            (folder / f"{split}.{language}").write_text("".join(lines[:3]))
    shutil.copy(text / "test.src", folder / "texts")
    (folder / "other").mkdir()
    (folder / "codes").write_text("#version: 0.2\na r\n")
    os.chdir(folder)
    try:
        follow_the_guide()
        yield folder
    finally:
        os.chdir(before)


def follow_the_guide() -> None:
    """From the text to the model card, with a teacher that the guide leaves to the reader."""
    for command in commands(GUIDE):
        if "--path TEACHER" in command:
            more = ("--share-all-embeddings", *HEADS, "--max-update", "4", "--save-dir", "teacher")
            run("train", "WORK/data", "-s", "en", "-t", "de", *TEACHER, *more)
            shutil.copy("teacher/checkpoint_last.pt", "TEACHER.pt")
            command = command.replace("--beam 5", "--beam 5 --batch-size 40 --max-len-b 20")
            for rank in range(8):
                execute(command.replace("RANK", str(rank)))
        elif "..." not in command:
            if command.startswith("fairseq-train "):  # one large and one small model, as a reader chooses
                shutil.rmtree("CHECKPOINTS", ignore_errors=True)
            execute(command.replace("--best 5", "--best 2"))
    for folder in (".", "model", "examples/quickstart/work/checkpoints"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for language in ("en", "de"):
            shutil.copy(f"WORK/data/dict.{language}.txt", folder)
    shutil.copy("averaged.pt", "model")
    shutil.copy("averaged.pt", "examples/quickstart/work/checkpoints/checkpoint_last.pt")


def test_an_own_language_pair_has_scores_and_a_card(world: Path) -> None:
    card = Path("README.md").read_text()
    assert "my corpus, 40,000 pairs" in card and "| BLEU |" in card
    assert len(Path("distilled/train.de").read_text().splitlines()) == 400


@pytest.mark.parametrize("document", [path for path in documents() if path != GUIDE], ids=name)
def test_the_commands_of_a_document_run(document: Path, world: Path) -> None:
    for number, command in enumerate(commands(document)):
        # Words that the dictionary has; text that is prepared in another way has a folder of its own.
        command = command.replace("Ein ", "kanoron ").replace("Hund", "livoro").replace(" WORK ", f" WORK{number} ")
        command = command.replace("cmlm text DATA", "cmlm text other").replace("cmlm report", "cmlm report --rounds 1")
        if command.endswith("--init-from TEACHER.pt ..."):
            execute(command.replace("...", " ".join((*OPTIMISER, "--share-all-embeddings --save-dir hybrid"))))
            shutil.copy("hybrid/checkpoint_last.pt", "hybrid.pt")
        elif "..." not in command and not command.startswith(tuple(NOT_RUN)):
            execute(command)


IN_PYTHON = [DOCS / "guides" / f"{page}.md" for page in ("python", "infilling", "deployment")] + [DOCS / "RUNTIME.md"]


@pytest.mark.parametrize("document", IN_PYTHON, ids=name)
def test_the_python_of_a_document_runs(document: Path, world: Path) -> None:
    """One block after the other, after the README's `translator`."""
    if not Path("bundle").exists():
        main(["export", "averaged.pt", "bundle"])
    names: dict[str, Any] = {"text": "the small fish hears every dog", "lines": ["the small fish hears every dog", ""]}
    model = "examples/quickstart/work/checkpoints/checkpoint_last.pt"
    exec(f"from fairseq_cmlm import Translator\ntranslator = Translator('{model}')", names)
    found = programs(document)
    assert found
    for block in found:
        # Texts and a token that the small dictionary has.
        block = block.replace("A man walks his dog .", names["text"]).replace('"livoro"', '"a"')
        exec(block.replace('"DATA"', '"WORK/data"'), names)


def test_the_python_of_the_applications_runs(world: Path) -> None:
    """All but documents, whose model has a mark of its own in its dictionary (tests/test_document_translator.py)."""
    found = [block for block in programs(DOCS / "APPLICATIONS.md") if "DocumentTranslator" not in block]
    assert len(found) == 3
    for block in found:
        block = re.sub(r'"(WORK/source-target/\w+/)?averaged.pt"', '"averaged.pt"', block)
        # Words that the small dictionary has.
        block = block.replace("A man <blank> in front of a <blank:1-3>.", "the <blank> every <blank:1-3>")
        exec(block.replace('["bad", "good"]', '["livoro", "kanoron"]'), {})
