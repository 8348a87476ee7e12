"""The runtime and its command work where torch and fairseq cannot be imported."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from fairseq_cmlm.runtime import Bundle

ROOT = Path(__file__).parents[2]
ALONE = """
import runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "fairseq", "omegaconf", "hydra", "sacrebleu", "onnx", "jinja2"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
sys.argv = ["fairseq-cmlm-runtime", *sys.argv[1:]]
runpy.run_module("fairseq_cmlm.runtime", run_name="__main__")
"""


def runtime(*words: object, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ALONE, *map(str, words)]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT)


def test_lines_become_lines(bundle: Path) -> None:
    texts = ["a bird", "", "the small dog sees the boat"]
    done = runtime(bundle, "--decoding-iterations", 4, "--summary", text="\n".join(texts))
    assert done.returncode == 0, done.stderr
    opened = Bundle(bundle)
    assert done.stdout.splitlines() == [one.text for one in opened.translate(texts, iterations=4)]
    assert "3 lines in" in done.stderr
    assert done.stderr.strip().endswith(opened.signature(iterations=4))


def test_eight_bits(bundle: Path) -> None:
    done = runtime("--decoding-dtype", "int8", bundle, text="a bird\n")
    assert done.stdout == Bundle(bundle, dtype="int8").translate(["a bird"])[0].text + "\n"


def test_the_demo_is_served(bundle: Path) -> None:
    pytest.importorskip("jinja2", reason="the page needs jinja2")
    command = [sys.executable, "-c", ALONE.replace(', "jinja2"', ""), str(bundle), "--demo", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as served:
        assert served.stdout is not None and served.stderr is not None
        address = served.stdout.readline().strip()
        try:
            page = urllib.request.urlopen(address).read().decode()
            body = json.dumps({"text": "a bird", "options": {"iterations": 3}}).encode()
            asked = urllib.request.Request(f"{address}translate", body, {"Content-Type": "application/json"})
            *passes, end = map(json.loads, urllib.request.urlopen(asked).read().decode().splitlines())
            asked.data = json.dumps({"text": "a secret", "options": {}}).encode()
            urllib.request.urlopen(asked).read()
        finally:
            served.kill()
        assert "secret" not in served.stderr.read()
    assert "src → tgt" in page
    (wanted,) = Bundle(bundle).translate(["a bird"], iterations=3, history=True, alternatives=8)
    assert [one["text"] for one in end["done"]["candidates"]] == [one.text for one in wanted.candidates]
    for one in wanted.candidates:
        told = [made["pass"] for made in passes if made["pass"]["number"] == one.number]
        assert told == [{**json.loads(json.dumps(asdict(made))), "number": one.number} for made in one.history or []]


def test_without_jinja2_the_demo_says_so(bundle: Path) -> None:
    done = runtime(bundle, "--demo", 0)
    assert done.returncode == 1
    assert "--demo needs jinja2: pip install jinja2" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "fairseq-cmlm-runtime: nowhere is no bundle: "),
        (
            ["--decoding-iterations", "4", "nowhere"],
            "fairseq-cmlm-runtime: no word of '--decoding-iterations 4 nowhere'",
        ),
        (
            ["--demo", "0", "--decoding-iterations", "2"],
            "fairseq-cmlm-runtime: --decoding-iterations cannot be combine",
        ),
        (["--demo", "70000"], "fairseq-cmlm-runtime: --demo 70000 is no port"),
        (["--sampling-top-p", "0.5"], "fairseq-cmlm-runtime: --sampling-top-p 0.5 is not for a bundle"),
        (["--original-decoding"], "fairseq-cmlm-runtime: --original-decoding True is not for a bundle"),
    ],
)
def test_an_error_is_one_line(words: list[str], message: str, bundle: Path) -> None:
    done = runtime(*words, *([] if "nowhere" in words else [bundle]), text="a bird\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_a_line_that_is_too_long_is_named(bundle: Path) -> None:
    long = "bird " * Bundle(bundle).manifest.limits[0]
    done = runtime(bundle, text=f"the bird\nthe dog\n{long}\n")
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 2
    assert done.stderr.startswith("fairseq-cmlm-runtime: line 3 of the standard input has ")


def test_a_reader_that_has_seen_enough_is_no_error(bundle: Path) -> None:
    command = [sys.executable, "-c", ALONE, str(bundle), "--decoding-iterations", "1"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        process.stdin.write(b"the bird\n" * 200)
        process.stdin.close()
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 141


def test_without_onnxruntime_it_says_so(bundle: Path) -> None:
    alone = ALONE.replace('"torch"', '"onnxruntime", "torch"', 1)
    assert alone != ALONE
    command = [sys.executable, "-c", alone, str(bundle)]
    done = subprocess.run(command, input="a bird\n", capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "fairseq-cmlm-runtime: a bundle needs onnxruntime: pip install" in done.stderr


def test_help_tells_what_can_be_done(bundle: Path) -> None:
    told = runtime(bundle, "--help").stdout
    assert "--decoding-iterations" in told
    assert "--sampling-top-p" not in told
