"""The layers import one way, and decoding, training and the network know nothing of fairseq."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fairseq_cmlm"
# Layer -> what its files may import of this package, and whether they may import fairseq.
LAYERS: dict[str, tuple[set[str], bool]] = {
    "errors": (set(), False),
    "files": ({"errors"}, False),
    "options": ({"errors", "files"}, False),
    "schedule": (set(), False),
    "sentence_random": (set(), False),
    "shapes": (set(), False),
    "generated": ({"errors"}, False),
    "draft": ({"errors"}, False),
    "given_words": (set(), False),
    "text_check": ({"errors"}, False),
    "text": ({"errors", "files", "text"}, False),
    "training_log": ({"errors"}, False),
    "render": ({"errors", "files", "render"}, False),
    "model": ({"errors", "options", "shapes", "model"}, False),
    # Of the model, decoding knows the names of its precisions.
    "decoding": (
        {"errors", "options", "schedule", "sentence_random", "draft", "given_words", "model", "decoding"},
        False,
    ),
    "training": ({"errors", "options", "schedule", "sentence_random", "shapes", "training"}, False),
    "inference": ({"errors", "sentence_random", "draft", "model", "decoding", "training", "inference"}, False),
    "measures": ({"errors", "files", "generated", "render", "text", "measures"}, False),
    "checkpoints": ({"errors", "files", "render", "text", "checkpoints"}, False),
    "formats": ({"errors", "files", "generated", "measures", "render", "text", "formats"}, False),
    "distillation": ({"errors", "files", "generated", "measures", "text"}, False),
    "curves": ({"errors", "files", "render", "training_log"}, False),
    "plugin": (
        {
            "errors",
            "files",
            "generated",
            "options",
            "schedule",
            "sentence_random",
            "shapes",
            "draft",
            "given_words",
            "checkpoints",
            "text",
        }
        | {"decoding", "training", "model", "inference", "plugin"},
        True,
    ),
    "translation": ({"errors", "decoding", "given_words"}, False),
    "runtime": ({"errors", "files", "options", "draft", "text", "translation", "demo", "runtime"}, False),
    "export": (
        {"errors", "files", "measures", "render", "decoding", "model", "text", "plugin", "runtime", "translation"}
        | {"translator", "export"},
        False,
    ),
    "translator": ({"errors", "files", "draft", "decoding", "inference", "plugin", "translation"}, True),
    "classifier": ({"errors", "inference", "plugin", "translator"}, True),
    "extractor": ({"errors", "inference", "plugin", "text", "translator"}, True),
    "document_translator": (
        {"errors", "options", "text", "decoding", "inference", "plugin", "translator"},
        True,
    ),
    "tracing": ({"errors", "files", "measures", "render", "translation"}, False),
    "course": ({"errors", "files", "measures", "render", "training_log", "course"}, False),
    "demo": ({"errors", "options", "render", "translation", "demo"}, False),
    "conversion": ({"errors", "files", "checkpoints", "text", "plugin", "conversion"}, True),
    "experiments": (
        {"errors", "files", "options", "schedule", "decoding", "inference", "model"}
        | {"measures", "render", "text", "plugin", "translator", "translation", "runtime", "export", "experiments"},
        True,
    ),
    "commands": (
        {"errors", "files", "text", "text_check", "options", "decoding", "model", "training", "measures", "render"}
        | {"checkpoints", "distillation", "curves", "conversion", "plugin", "translator", "tracing", "demo"}
        | {"classifier", "course", "extractor", "document_translator", "experiments", "export", "formats", "commands"},
        False,
    ),
}
TORCH_ONLY = (
    *("text", "decoding", "training", "model", "inference"),
    *("schedule", "sentence_random", "shapes", "options", "errors"),
)


def imports(path: Path) -> set[str]:
    """The modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if layer == "__init__":
        return
    allowed, fairseq = LAYERS[layer]
    for module in imports(path):
        if module.startswith("fairseq_cmlm."):
            assert module.split(".")[1] in allowed, f"{layer} imports {module}"
        elif module.split(".")[0] in ("fairseq", "omegaconf", "hydra"):
            assert fairseq, f"{layer} imports {module}"


CORE_ALONE = """
import importlib, pkgutil, sys

class NoFairseq:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("fairseq", "omegaconf", "hydra", "sacrebleu", "sacremoses", "subword_nmt"):
            raise ImportError(name)

sys.meta_path.insert(0, NoFairseq())
import fairseq_cmlm
assert "torch" not in sys.modules
for layer in LAYERS:
    module = importlib.import_module(f"fairseq_cmlm.{layer}")
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        importlib.import_module(f"fairseq_cmlm.{layer}.{found.name}")
import torch
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.inference.decode import decode
from fairseq_cmlm.inference.start import Inputs
from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import NetworkSize, build_network

layer = LayerSize(8, 16, 2, False, 0.0, 0.0, 0.0)
network = build_network(NetworkSize(layer, layer, 1, 1, words=(9, 9), positions=(7, 7), pads=(1, 1))).eval()
found = decode([network], Inputs(torch.tensor([[5, 6, 2]])), Decoding.of(length_beam=2), Symbols(0, 1, 2, 8))
print(found.tokens.shape[:2], "fairseq" in sys.modules)
"""


def test_the_core_stands_alone() -> None:
    """decoding, training, model and inference import, and decode, where fairseq cannot be imported."""
    code = CORE_ALONE.replace("in LAYERS", f"in {TORCH_ONLY}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.stdout == "torch.Size([1, 2]) False\n", done.stderr


@pytest.mark.parametrize("first", ["import fairseq_cmlm", "import fairseq", "import fairseq_cmlm.errors, fairseq"])
def test_the_package_folder_is_a_user_dir_whatever_was_imported_first(first: str) -> None:
    code = f"""
{first}
from argparse import Namespace
from fairseq.utils import import_user_module
from fairseq.tasks import TASK_REGISTRY
import_user_module(Namespace(user_dir={str(PACKAGE)!r}))
print("translation_cmlm" in TASK_REGISTRY)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.stdout == "True\n", done.stderr


def test_files_and_functions_stay_short() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.body[0].lineno <= 60, f"{path}: {node.name}"
