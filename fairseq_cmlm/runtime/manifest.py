"""The manifest of a bundle, `bundle.json`: the model, its requirements, and the digest of every file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Mapping, Optional

from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.files import file_digest

FILE_NAME = "bundle.json"
SYMBOLS = "symbols.{language}.txt"  # one a line, its id the number of the line, from 0
GRAPHS = ("encoder", "step")
GRAPH = "{name}.{dtype}.onnx"
_FORMAT, _VERSION = "fairseq_cmlm bundle", 1


@dataclass(frozen=True)
class Symbols:
    """Ids of the control symbols of the target; `unk` is the same in the source."""

    bos: int
    pad: int
    eos: int
    unk: int
    mask: int


@dataclass(frozen=True)
class Manifest:
    """The manifest of a bundle.

    package    version of fairseq_cmlm that wrote it
    languages  names of source and target
    symbols    the control symbols
    limits     the longest source and target, in tokens with `</s>`
    sizes      of the network, by name
    objective  what the model was trained for
    text       signature of the text pipeline; None if the model reads and writes subwords
    dtypes     the kinds of numbers that there are graphs for
    options    the declaration of every decoding option, as `options.py` of this package reads it
    presets    values for options that are not given, by the preset's name
    files      SHA-256 of each file, by name
    longest    source and target, in tokens, of which training saw a hundred as long; None if nobody tells
    """

    package: str
    languages: tuple[str, str]
    symbols: Symbols
    limits: tuple[int, int]
    sizes: Mapping[str, int]
    objective: str
    text: Optional[str]
    dtypes: tuple[str, ...]
    options: list[dict[str, Any]]
    presets: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]
    longest: Optional[tuple[int, int]] = None

    def to_json(self) -> str:
        """Return the content of the file, including its own digest."""
        content = {"format": _FORMAT, "version": _VERSION, **asdict(self)}
        return json.dumps({**content, "digest": _digest(content)}, ensure_ascii=False, indent=1) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the bundle in a folder; raise a BundleError if it is missing, foreign, newer or damaged."""
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BundleError(
            f"{folder} is no bundle: {path} cannot be read ({error.strerror}); fairseq-cmlm export writes one"
        ) from None
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: it is not JSON ({error}); copy the bundle again") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise BundleError(f"{path} is no bundle of fairseq_cmlm: give a folder that fairseq-cmlm export wrote")
    if content.get("version") != _VERSION:
        raise BundleError(
            f"{path} has the version {content.get('version')}, and this runtime reads {_VERSION}: install the "
            f"fairseq_cmlm that wrote it ({content.get('package')}), or export the checkpoint again"
        )
    if content.pop("digest", None) != _digest(content):
        raise BundleError(f"{path} is damaged: its content does not have its digest; copy the bundle again")
    try:
        return _manifest_of(content)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{path} lacks what this runtime reads ({type(error).__name__}: {error}): export the checkpoint again"
        ) from None


def _manifest_of(content: Mapping[str, Any]) -> Manifest:
    symbols = Symbols(**content["symbols"])
    source, target = content["languages"]
    reads, writes = content["limits"]
    longest = content.get("longest")  # which bundles of 0.2.0 before this field lack
    return Manifest(
        **{
            **{one.name: content[one.name] for one in fields(Manifest) if one.name != "longest"},
            **{"languages": (source, target), "limits": (reads, writes), "dtypes": tuple(content["dtypes"])},
            "symbols": symbols,
            "files": dict(content["files"]),
            "longest": None if longest is None else (int(longest[0]), int(longest[1])),
        }
    )


def intact(folder: Path, manifest: Manifest, name: str) -> Path:
    """Return the path of a file of the bundle; raise a BundleError if it is missing or has another digest."""
    path = folder / name
    try:
        same = file_digest(path) == manifest.files.get(name)
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}): copy the bundle again, whole") from None
    if not same:
        raise BundleError(f"{path} is damaged: its SHA-256 is not that of the bundle; copy the bundle again, whole")
    return path


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()
