"""The runtime and its command work where torch and fairseq cannot be imported."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from dataclasses import asdict
from pathlib import Path

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
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as served:
        assert served.stdout is not None
        address = served.stdout.readline().strip()
        try:
            page = urllib.request.urlopen(address).read().decode()
            body = json.dumps({"text": "a bird", "options": {"iterations": 3}}).encode()
            asked = urllib.request.Request(f"{address}translate", body, {"Content-Type": "application/json"})
            *passes, end = map(json.loads, urllib.request.urlopen(asked).read().decode().splitlines())
        finally:
            served.kill()
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
        (["--sampling-top-p", "0.5"], "fairseq-cmlm-runtime: --sampling-top-p 0.5 is not for a bundle"),
        (["--original-decoding"], "fairseq-cmlm-runtime: --original-decoding True is not for a bundle"),
    ],
)
def test_an_error_is_one_line(words: list[str], message: str, bundle: Path) -> None:
    done = runtime(*words, *([] if words == ["nowhere"] else [bundle]), text="a bird\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_help_tells_what_can_be_done(bundle: Path) -> None:
    told = runtime(bundle, "--help").stdout
    assert "--decoding-iterations" in told
    assert "--sampling-top-p" not in told
