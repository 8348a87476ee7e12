"""The README and the documents that it leads to say what the program does."""

from __future__ import annotations

import ast
import re
import shlex
import textwrap
from argparse import Namespace
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from documents import ROOT, command_lines
from fairseq.dataclass.utils import interpret_dc_type
from fairseq.tasks.translation import TranslationConfig
from fairseq_commands import USER_DIR, run

from fairseq_cmlm.commands import options
from fairseq_cmlm.commands.main import main
from fairseq_cmlm.decoding.choice import CHOOSERS
from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.planning import PLANNERS
from fairseq_cmlm.decoding.search import SEARCH_ORDERS
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.plugin.criterion import CMLMLossConfig
from fairseq_cmlm.plugin.model import CMLMConfig
from fairseq_cmlm.plugin.task import TranslationCMLMConfig
from fairseq_cmlm.schedule import SCHEDULES

README = (ROOT / "README.md").read_text()


def test_the_options_are_those_of_the_document() -> None:
    """docs/OPTIONS.md is what `fairseq-cmlm options` prints: write it anew where they differ."""
    printed = options.run(Namespace())
    assert (ROOT / "docs/OPTIONS.md").read_text() == f"{printed}\n"


@pytest.mark.parametrize("config", [TranslationCMLMConfig, CMLMLossConfig, CMLMConfig])
def test_every_option_of_fairseqs_commands_stands_there_with_its_default(config: type) -> None:
    inherited = {field.name for field in fields(TranslationConfig)} if config is TranslationCMLMConfig else set()
    table = [line.split("|") for line in options.run(Namespace()).splitlines() if line.startswith("| `--")]
    for field in fields(config):
        if field.name in inherited | {"_name"} or str(field.default).startswith("${"):
            continue
        assert field.default is not MISSING and interpret_dc_type(field.type) is not None
        rows = [row for row in table if re.match(rf" `--{field.name.replace('_', '-')}`", row[1])]
        assert rows, field.name
        if config is not TranslationCMLMConfig and field.default not in (None, False):
            default = getattr(field.default, "value", field.default)
            assert rows[-1][2].strip().strip("`") == (f"{default:g}" if isinstance(default, float) else str(default))


def test_every_way_to_decode_has_its_place_in_the_document() -> None:
    told = (ROOT / "docs/STRATEGIES.md").read_text()
    for table in (STRATEGIES, SEARCH_ORDERS, SCHEDULES, ORDERS, CHOOSERS, PLANNERS):
        assert not [name for name in table if f"`{name}`" not in told]


def commands(program: str) -> list[list[str]]:
    """The README's commands that begin with `program`, split into words."""
    return [shlex.split(line.split(" > ")[0], comments=True) for line in command_lines(README, program)]


def test_the_commands_run(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepare, train, generate and score as printed, on a tiny text; only sizes and names are put in."""
    (tmp_path / "TEXT").mkdir()
    for split in ("train", "valid", "test"):
        for side, language in (("src", "en"), ("tgt", "de")):
            (tmp_path / "TEXT" / f"{split}.{language}").write_text((text / f"{split}.{side}").read_text())
    monkeypatch.chdir(tmp_path)
    put_in = {"$(fairseq-cmlm path)": USER_DIR, "300000": "2", "16": "1"}
    small = ["--encoder-layers", "1", "--decoder-layers", "1", "--encoder-embed-dim", "16", "--decoder-embed-dim", "16"]
    main(["30" if word == "32000" else word for word in commands("fairseq-cmlm prepare")[0]][1:])
    extra = {"train": [*small, "--max-source-positions", "50", "--max-target-positions", "50"]}
    for name in ("train", "generate"):
        words = next(words for words in commands(f"fairseq-{name}") if "..." not in words)
        words = [put_in.get(word, word) for word in words]
        printed = run(name, *words[1:], *extra.get(name, []))
    assert printed.count("\nH-") == 17 and printed.count("# text en-de|normalise:nfc+punctuation|tokenizer:moses|") == 1
    (tmp_path / "OUTPUT").write_text(printed)
    main(commands("fairseq-cmlm score")[0][1:])


def example(document: Path, heading: str) -> str:
    """The first block of code under a heading."""
    section = document.read_text().partition(f"{heading}\n")[2]
    block = re.search(r"(?:^    .*\n|^\n)+", section.lstrip("\n"), re.M)
    assert block is not None
    return textwrap.dedent(block[0])


def test_the_five_lines_of_python_run(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As printed, on the tests' model in the place of the quickstart's."""
    code = example(ROOT / "README.md", "## Five lines of Python")
    assert len(code.split("\n\n")[0].splitlines() + code.split("\n\n")[1].splitlines()) == 5
    model = "examples/quickstart/work/checkpoints/checkpoint_last.pt"
    assert code.count(model) == 1
    names: dict[str, Any] = {}
    exec(code.replace(model, str(checkpoint)), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{names['found'].text} {names['found'].score}"
    assert ast.literal_eval(printed[1])[-1] == names["found"].text


def test_the_python_example_runs(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As printed, on the tests' model in the place of the quickstart's."""
    (tmp_path / "checkpoints").symlink_to(checkpoint.parent)
    code = example(ROOT / "docs/guides/python.md", "After the quickstart,")
    assert 'work = "examples/quickstart/work"' in code
    exec(code.replace("examples/quickstart/work", str(tmp_path)), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 7 and printed[0].endswith(")")
    assert all(" passes, -" in line for line in printed[1:4]) and all(" -> " in line for line in printed[4:])


def test_the_map_names_every_folder() -> None:
    told = (ROOT / "docs/architecture.md").read_text()
    for folder in (ROOT / "fairseq_cmlm").iterdir():
        if (folder / "__init__.py").exists():
            assert f"fairseq_cmlm/{folder.name}/" in told
    for place in re.findall(r"^\| `([^`]+)`", told, re.M):
        assert (ROOT / place).exists(), place
