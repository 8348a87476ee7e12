"""The examples (`>>>`) in the docstrings give what they show."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WITH_EXAMPLES = [path for path in sorted((ROOT / "fairseq_cmlm").rglob("*.py")) if ">>> " in path.read_text("utf-8")]


def test_public_functions_of_decoding_and_training_have_one() -> None:
    for folder in ("decoding", "training"):
        for path in (ROOT / "fairseq_cmlm" / folder).glob("*.py"):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    assert ">>> " in (ast.get_docstring(node) or ""), f"{path.name}: {node.name}"


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_give_what_they_show(path: Path) -> None:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    failed, tried = doctest.testmod(module)
    assert tried and not failed
