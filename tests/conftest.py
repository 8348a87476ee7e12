"""A tiny corpus of the quickstart's grammar and a model trained on it for a moment, shared by the tests."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from fairseq_commands import LANGUAGES, TEACHER, preprocess, run, train

GRAMMAR = Path(__file__).parents[1] / "examples" / "quickstart" / "grammar.py"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw text: 400 training sentences, 30 for validation, 17 for test."""
    folder = tmp_path_factory.mktemp("text")
    sizes = ("--train", "400", "--valid", "30", "--test", "17")
    subprocess.run([sys.executable, str(GRAMMAR), str(folder), *sizes], check=True)
    return folder


@pytest.fixture(scope="session")
def data(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The text binarised with a joined dictionary."""
    return preprocess(text, tmp_path_factory.mktemp("data") / "joined", "--joined-dictionary")


@pytest.fixture(scope="session")
def checkpoint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned a little: its translations are wrong, and differ from each other."""
    save = tmp_path_factory.mktemp("checkpoint")
    train(data, save, "--share-all-embeddings", "--lr", "1e-2", updates=150)
    return save / "checkpoint_last.pt"


@pytest.fixture(scope="session")
def teacher(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the checkpoints of fairseq's autoregressive Transformer after each of 4 epochs, and its log."""
    save = tmp_path_factory.mktemp("teacher")
    log = run("train", data, *LANGUAGES, *TEACHER, "--share-all-embeddings", "--max-epoch", 4, "--save-dir", save)
    (save / "log").write_text(log)
    return save


@pytest.fixture(scope="session")
def bundle(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model as a bundle, with a text pipeline that leaves words whole."""
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name, reason=f"a bundle needs {name}")
    from fairseq_cmlm.commands.main import main

    folder = tmp_path_factory.mktemp("bundle")
    main(["text", str(folder / "text.json"), "-s", "src", "-t", "tgt", "--tokenizer", "moses"])
    main(["export", str(checkpoint), str(folder / "bundle"), "--text-pipeline", str(folder / "text.json")])
    return folder / "bundle"


@pytest.fixture(scope="session")
def demo_model(checkpoint: Path) -> Any:
    """A Translator of that model."""
    from fairseq_cmlm import Translator

    return Translator(checkpoint)


@pytest.fixture(scope="session")
def server(demo_model: Any) -> Iterator[Any]:
    """The demo's server over that model, running."""
    from fairseq_cmlm.demo.server import DemoServer

    with DemoServer("127.0.0.1", 0, demo_model) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()
