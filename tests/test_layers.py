"""The layers import one way, and decoding, training and the network know nothing of fairseq."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fairseq_cmlm"
# Layer -> what its files may import of this package, and whether they may import fairseq.
LAYERS: dict[str, tuple[set[str], bool]] = {
    "errors": (set(), False),
    "files": ({"errors"}, False),
    "generated": ({"errors"}, False),
    "text_check": ({"errors"}, False),
    "training_log": ({"errors"}, False),
    "render": ({"errors", "files", "render"}, False),
    "decoding": ({"decoding"}, False),
    "training": ({"training"}, False),
    "model": ({"model"}, False),
    "measures": ({"errors", "files", "generated", "render", "measures"}, False),
    "checkpoints": ({"errors", "files", "checkpoints"}, False),
    "distillation": ({"errors", "files", "generated"}, False),
    "curves": ({"errors", "files", "render", "training_log"}, False),
    "plugin": ({"errors", "checkpoints", "decoding", "training", "model", "plugin"}, True),
    "translator": ({"errors", "plugin"}, True),
    "conversion": ({"errors", "files", "checkpoints", "plugin", "conversion"}, True),
    "reporting": ({"errors", "files", "measures", "render", "plugin", "translator", "reporting"}, True),
    "commands": (
        {"errors", "files", "text_check", "measures", "checkpoints", "distillation", "curves", "conversion"}
        | {"translator", "reporting", "commands"},
        False,
    ),
}


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


def test_files_and_functions_stay_short() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.body[0].lineno <= 60, f"{path}: {node.name}"
