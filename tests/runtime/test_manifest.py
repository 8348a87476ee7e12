"""A bundle that is not whole, or not one, is refused with one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Callable

import pytest

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.runtime import Bundle
from fairseq_cmlm.runtime.manifest import read_manifest


def changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def edited(**values: object) -> Callable[[Path], object]:
    return changed("bundle.json", lambda content: json.dumps({**json.loads(content), **values}).encode())


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no bundle": (shutil.rmtree, "is no bundle"),
    "not JSON": (changed("bundle.json", lambda content: content[:-20]), "is not JSON"),
    "another JSON": (changed("bundle.json", lambda content: b"[1]"), "is no bundle of fairseq_cmlm"),
    "foreign": (edited(format="something"), "is no bundle of fairseq_cmlm"),
    "newer": (edited(version=2), "has the version 2"),
    "edited": (edited(languages=["de", "en"]), "does not have its digest"),
    "a missing graph": (lambda folder: (folder / "step.float32.onnx").unlink(), "step.float32.onnx cannot be read"),
    "a cut graph": (changed("encoder.float32.onnx", lambda content: content[:-1]), "encoder.float32.onnx is damaged"),
    "another symbol": (changed("symbols.src.txt", lambda content: content + b"x\n"), "symbols.src.txt is damaged"),
    "another text": (changed("text.json", lambda content: content + b" "), "text.json is damaged"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_told(name: str, bundle: Path, tmp_path: Path) -> None:
    damage, message = DAMAGES[name]
    folder = Path(shutil.copytree(bundle, tmp_path / "copy"))
    damage(folder)
    with pytest.raises(BundleError, match=message) as told:
        Bundle(folder)
    assert "\n" not in str(told.value)


def test_only_what_is_used_is_read(bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (folder / "step.int8.onnx").unlink()
    opened = Bundle(folder)
    with pytest.raises(BundleError, match=r"step.int8.onnx cannot be read"):
        opened.translate(["a bird"], dtype="int8")


def test_a_graph_that_onnxruntime_cannot_read_is_told(bundle: Path, tmp_path: Path) -> None:
    from fairseq_cmlm.runtime.network import Network

    (tmp_path / "graph").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"cannot read .*graph"):
        Network(tmp_path / "graph", tmp_path / "graph")


def test_a_manifest_is_read_as_it_was_written(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    assert manifest.to_json() == (bundle / "bundle.json").read_text()
    assert manifest.languages == ("src", "tgt")
