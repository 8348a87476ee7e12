"""`fairseq-cmlm demo` as a process: it says where it serves, serves, and ends when it is interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from fairseq_cmlm.commands.main import main

# A test run in the background of a shell hands its children an ignored SIGINT.
RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from fairseq_cmlm.commands.main import main
main()
"""


def test_it_serves_until_interrupted(checkpoint: Path) -> None:
    command = [sys.executable, "-c", RUN, "demo", str(checkpoint), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None and demo.stderr is not None
        line = demo.stdout.readline()
        address, _, rest = line.partition(" ")
        assert address.startswith("http://127.0.0.1:") and rest == "(Ctrl+C ends it)\n"
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert b"<title>Translate, pass by pass</title>" in answer.read()
        body = json.dumps({"text": "the secretword sleeps"}).encode()
        request = urllib.request.Request(f"{address}translate", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert "<unk>" in json.loads(answer.read().splitlines()[-1])["done"]["source"]
        demo.send_signal(signal.SIGINT)
        try:
            assert demo.wait(60) == 0
        finally:
            demo.kill()
        told = demo.stderr.read()
        assert "Traceback" not in told and "secretword" not in told


def test_a_host_that_cannot_be_had_is_named(checkpoint: Path) -> None:
    with pytest.raises(SystemExit, match=r"demo: --host 127\.0\.0\.1 --port 70000 cannot be served"):
        main(["demo", str(checkpoint), "--port", "70000"])
