"""The file of a text pipeline: JSON with everything in it, subword codes or a sentencepiece model included.

`text.json` lies beside the dictionaries in a data folder. The same text is in the checkpoints of a training, under
"task_state".
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Mapping, Optional

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import write_text
from fairseq_cmlm.text.normalise import NORMALISERS
from fairseq_cmlm.text.pipeline import Side, TextPipeline
from fairseq_cmlm.text.subwords import SUBWORDS, SubwordModel
from fairseq_cmlm.text.tokenise import TOKENISERS

FILE_NAME = "text.json"
# The key of the pipeline in the task's state, which fairseq keeps in checkpoints.
STATE = "text_pipeline"
_FORMAT, _VERSION = "fairseq_cmlm text pipeline", 1


def read_pipeline(path: Path) -> TextPipeline:
    """Read the pipeline from a file; raise a TextError if it is damaged, foreign or of a newer version."""
    try:
        return from_json(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TextError(f"{path} is no text pipeline: it is not UTF-8") from None


def write_pipeline(path: Path, pipeline: TextPipeline) -> None:
    """Write a pipeline to a file, whole or not at all, replacing an existing one."""
    write_text(path, to_json(pipeline))


def to_json(pipeline: TextPipeline) -> str:
    """Return a pipeline as JSON. A subword model that languages share is stored once, under its SHA-256."""
    models = {side.subwords.digest: side.subwords for side in pipeline.sides.values() if side.subwords}
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "languages": {name: _side_to_json(side) for name, side in pipeline.sides.items()},
        "subwords": {digest: _model_to_json(model) for digest, model in models.items()},
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _side_to_json(side: Side) -> dict[str, Any]:
    return {
        "language": side.language,
        "normalise": list(side.normalise),
        "tokenizer": side.tokeniser,
        "subwords": side.subwords and side.subwords.digest,
    }


def _model_to_json(model: SubwordModel) -> dict[str, str]:
    """Return a subword model for JSON: codes as text, a binary model as base64."""
    try:
        return {"kind": model.kind, "text": model.content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"kind": model.kind, "base64": base64.b64encode(model.content).decode("ascii")}


def from_json(text: str, name: str) -> TextPipeline:
    """Parse the JSON of a pipeline; `name` says where it is from, for error messages."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise TextError(f"{name} is damaged or no text pipeline: it is not JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise TextError(f"{name} is no text pipeline: give the {FILE_NAME} that fairseq-cmlm wrote")
    version = content.get("version")
    if version != _VERSION:
        raise TextError(f"{name} has the version {version}, and this fairseq_cmlm reads {_VERSION}: update the package")
    try:
        models = {digest: _model(digest, model) for digest, model in content["subwords"].items()}
        sides = {language: _side(side, models) for language, side in content["languages"].items()}
        if not sides:
            raise ValueError("it has no language")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise TextError(f"{name} is a damaged text pipeline ({what}): write or copy it again") from None
    return TextPipeline(sides)


def _model(digest: str, fields: Mapping[str, str]) -> SubwordModel:
    content = base64.b64decode(fields["base64"], validate=True) if "base64" in fields else fields["text"].encode()
    model = SubwordModel(_known(fields["kind"], SUBWORDS, "kind of subwords"), content)
    if model.digest != digest:
        raise ValueError(f"the subwords {digest[:8]} have another SHA-256")
    return model


def _side(fields: Mapping[str, Any], models: Mapping[str, SubwordModel]) -> Side:
    names, name, digest = fields["normalise"], fields["tokenizer"], fields["subwords"]
    if not isinstance(names, list) or not isinstance(fields["language"], str):
        raise ValueError("a language has no code, or no list of normalisers")
    if digest is not None and digest not in models:
        raise ValueError(f"the subwords {digest[:8]} are missing")
    return Side(
        language=fields["language"],
        normalise=tuple(_known(one, NORMALISERS, "normaliser") for one in names),
        tokeniser=None if name is None else _known(name, TOKENISERS, "tokenizer"),
        subwords=None if digest is None else models[digest],
    )


def _known(name: str, table: Mapping[str, Any], what: str) -> str:
    if name not in table:
        raise ValueError(f"the {what} '{name}' is none of {', '.join(table)}")
    return name


def agreed(one: Optional[TextPipeline], other: Optional[TextPipeline], where: str) -> Optional[TextPipeline]:
    """Return the pipeline of two places that must agree; None if neither has one, as with old checkpoints.

    Raises a TextError if they differ. `where` names both places: "the checkpoint and the data folder".
    """
    if one is not None and other is not None and one != other:
        raise TextError(f"{where} prepare text in two ways: {one.signature} and {other.signature}")
    return one or other
