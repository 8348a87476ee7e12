from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from fairseq_cmlm.checkpoints.reading import explained, read_checkpoint, read_safely
from fairseq_cmlm.errors import CheckpointError

STATE = {
    "args": Namespace(a=1),
    "best": np.float64(3.5),
    "array": np.arange(3),
    "number": np.int64(1),
    "model": {"x": torch.zeros(2)},
}
# The module alone, without the package's __init__.py: nothing else has allowed any type.
ALONE = """
import importlib, sys, types
package = types.ModuleType("fairseq_cmlm")
package.__path__ = [sys.argv[1]]
sys.modules["fairseq_cmlm"] = package
from pathlib import Path
state = importlib.import_module("fairseq_cmlm.checkpoints.reading").read_checkpoint(Path(sys.argv[2]))
print(sorted(state), "fairseq" in sys.modules)
"""


class Foreign:
    """What a hostile checkpoint might hold."""


def test_fairseqs_types_are_read_without_fairseq(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "model.pt")
    package = Path(__file__).parents[2] / "fairseq_cmlm"
    command = [sys.executable, "-c", ALONE, str(package), str(tmp_path / "model.pt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{sorted(STATE)} False\n"


def test_reading_leaves_the_allowed_types_as_they_were(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "model.pt")
    before = torch.serialization.get_safe_globals()
    read_safely(tmp_path / "model.pt", [(Foreign, "somewhere.Foreign")])
    assert set(torch.serialization.get_safe_globals()) == set(before)


@pytest.mark.parametrize("old_format", [False, True])
@pytest.mark.parametrize("memory_map", [False, True])
def test_both_formats_are_read(tmp_path: Path, old_format: bool, memory_map: bool) -> None:
    torch.save(STATE, tmp_path / "model.pt", _use_new_zipfile_serialization=not old_format)
    state = read_checkpoint(tmp_path / "model.pt", memory_map)
    assert state["args"] == Namespace(a=1) and state["model"]["x"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            RuntimeError("one\ntwo"),
            CheckpointError,
            r"^m\.pt cannot be read as a checkpoint: .* \(one\)$",
        ),
        (FileNotFoundError("gone"), FileNotFoundError, "gone"),
        (CheckpointError("other"), CheckpointError, r"^other$"),
    ],
)
def test_errors_of_reading_become_one_line(error: Exception, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message), explained("m.pt"):
        raise error
