"""The console command itself; what its subcommands do is tested beside their modules."""

from __future__ import annotations

import importlib
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import fairseq_cmlm
from fairseq_cmlm.commands.main import COMMANDS, main

PACKAGE = Path(fairseq_cmlm.__file__).parent
HEAVY = ("torch", "fairseq", "sacrebleu", "matplotlib", "numpy", "jinja2")
RUN = "from fairseq_cmlm.commands.main import main; main()"
# The package without what its __init__.py imports: commands/ must not import more than it needs by itself.
BARE = f"""
import sys, types
package = types.ModuleType("fairseq_cmlm")
package.__path__ = [{str(PACKAGE)!r}]
sys.modules["fairseq_cmlm"] = package
"""


def start(code: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run Python code with arguments."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("arguments", [["path"], ["--help"], ["score", "--help"], ["average", "--help"], []])
def test_what_needs_no_model_loads_no_torch(arguments: list[str]) -> None:
    code = f"""{BARE}
import atexit
atexit.register(lambda: print("loaded", *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr))
{RUN}
"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = start(code, *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr.splitlines()[-1] == "loaded", done.stderr
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.5
    if arguments == ["path"]:
        assert done.stdout == f"{PACKAGE}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert all(f" {name} {line}" in printed for name, line in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module_and_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = importlib.import_module(f"fairseq_cmlm.commands.{name}")
    assert module.__doc__.startswith(f"`fairseq-cmlm {name}`")
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert re.sub(r"\W", "", COMMANDS[name]).lower() in re.sub(r"\W", "", capsys.readouterr().out).lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["nothing"], "invalid choice: 'nothing'"),
        (["curves", "log", "--output", "x"], "'log' is not NAME=FILE"),
    ],
)
def test_wrong_usage_ends_with_status_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


def test_an_error_is_one_line_and_status_1(tmp_path: Path) -> None:
    done = start(BARE + RUN, "check", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fairseq-cmlm check: {tmp_path}/nowhere cannot be read: No such file or directory\n"


@pytest.mark.parametrize("broken", [False, True])
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, broken: bool) -> None:
    (tmp_path / "text").write_bytes(b"a\rb\n" if broken else b"a\n")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", BARE + RUN, "check", str(tmp_path / "text")]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=buffered)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_path_is_the_user_dir(capsys: pytest.CaptureFixture[str]) -> None:
    main(["path"])
    assert (Path(capsys.readouterr().out.strip()) / "plugin" / "task.py").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", RUN, "path"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and done.stderr.endswith("the output cannot be written: No space left on device\n")
    assert done.stderr.count("\n") == 1
