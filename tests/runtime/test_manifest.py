"""A bundle that is not whole, or not one, is refused with one line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, Callable

import pytest

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.runtime import Bundle, manifest
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


def other_shape(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Change what a manifest holds, and its digest."""

    def changed(content: bytes) -> bytes:
        values = json.loads(content)
        change(values)
        del values["digest"]
        return json.dumps({**values, "digest": manifest._digest(values)}).encode()

    return changed


SHAPES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no symbols": (lambda content: content.pop("symbols"), "lacks what this runtime reads .KeyError: 'symbols'"),
    "another symbol": (lambda content: content["symbols"].update(cls=7), "lacks what this runtime reads .TypeError"),
    "one language": (lambda content: content.update(languages=["de"]), "lacks what this runtime reads .ValueError"),
    "no files": (lambda content: content.update(files=None), "lacks what this runtime reads .TypeError"),
    "an option less": (lambda content: content["options"].pop(0), "the bundle's options lack preset, which this"),
    "half an option": (lambda content: content["options"][1].pop("below"), "the bundle's options lack strategy below"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_another_shape_is_told(name: str, bundle: Path, tmp_path: Path) -> None:
    change, message = SHAPES[name]
    folder = Path(shutil.copytree(bundle, tmp_path / "copy"))
    changed("bundle.json", other_shape(change))(folder)
    with pytest.raises(BundleError, match=message):
        Bundle(folder)


def test_what_training_had_no_such_length_of_is_warned_of_once(
    bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(bundle, tmp_path / "copy"))
    changed("bundle.json", other_shape(lambda content: content.update(longest=[4, 1])))(folder)
    opened = Bundle(folder)
    opened.translate(["the bird", "the bird sees the boat", "the dog sees the bird"])
    warned = [re.sub(r" of \d+ tokens.*", "", message) for message in caplog.messages]
    assert sorted(warned) == ["a source", "a target"], "each once, whichever came first"
    opened.translate(["the bird \N{GRINNING FACE}", "\N{GRINNING FACE}"])
    assert len(caplog.records) == 3 and "dictionary lacks a part of" in caplog.messages[2]
    older = Path(shutil.copytree(bundle, tmp_path / "older"))
    changed("bundle.json", other_shape(lambda content: content.pop("longest")))(older)
    assert Bundle(older).manifest.longest is None


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
