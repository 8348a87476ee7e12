"""An example of a task, and the file of examples beside the text made of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.files import read_lines


@dataclass(frozen=True)
class Example:
    """The source that a model reads, and the targets that it should write.

    source      text that the model reads, in one line
    references  the right answers: all are trained on, and any of them may be hit; none where nobody knows
    template    what the model writes, with `<blank>`, `<blank:3>` or `<blank:1-4>` where words are missing; None if it
                writes all
    details     what the format's measures and groups read beside: values that JSON has
    """

    source: str
    references: tuple[str, ...] = ()
    template: Optional[str] = None
    details: Mapping[str, Any] = field(default_factory=dict)


def examples_to_json(name: str, examples: Sequence[Example]) -> str:
    """Return the content of a file: a line that names the format and counts the examples, then one a line."""
    lines = [{"format": name, "examples": len(examples)}, *map(asdict, examples)]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def read_examples(path: Path) -> tuple[str, list[Example]]:
    """Return the name of the format and the examples in a file; raise a TextError if it is damaged or foreign."""
    lines = read_lines(path)
    head, *rest = [_parsed(line, f"line {number} of {path}") for number, line in enumerate(lines, 1)] or [{}]
    if not isinstance(head.get("format"), str):
        raise TextError(f"{path} is no file of examples: give the *.jsonl that fairseq-cmlm format wrote")
    if head.get("examples") != len(rest):
        raise TextError(
            f"{path} has {len(rest)} examples and should have {head.get('examples')}: write or copy it again"
        )
    examples = []
    for number, fields in enumerate(rest, 2):
        try:
            examples.append(Example(**{**fields, "references": tuple(fields["references"])}))
            _check_types(fields)
        except (KeyError, TypeError):
            raise TextError(f"line {number} of {path} is no example: write or copy the file again") from None
    return head["format"], examples


def check_answers(file: Path, examples: Sequence[Example], use: str) -> None:
    """Raise a TextError for the first example of a file that has no reference, or one that is none of its labels.

    use  what an example without a reference is of no use for, in a message
    """
    for number, example in enumerate(examples, 2):
        if not example.references:
            raise TextError(f"line {number} of {file} has no reference: {use}")
        labels = example.details.get("labels")
        if labels is not None and example.references[0] not in labels:
            raise TextError(f"line {number} of {file}: the reference {example.references[0]} is none of its labels")


def _check_types(fields: Mapping[str, Any]) -> None:
    """Raise a TypeError for what is no text, list of texts, or object where the example has one."""
    references = fields["references"]
    texts = [fields["source"], *references, fields.get("template") or ""]
    if not isinstance(references, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError("no texts")
    if not isinstance(fields.get("details", {}), dict):
        raise TypeError("no details")


def _parsed(line: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TextError(f"{place} is not JSON of an example: give the *.jsonl that fairseq-cmlm format wrote")
    return found
