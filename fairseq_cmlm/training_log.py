"""Reading validations from the logs of fairseq-train."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Iterator, Sequence

from fairseq_cmlm.errors import TextError

# Name of a measure -> its value in a validation.
Measures = dict[str, float]
# --log-format simple and tqdm:
#   | epoch 001 | valid on 'valid' subset | loss 8.1 | nll_loss 7.9 | num_updates 100
_SIMPLE = re.compile(r"\| (?:valid|valid on '([^']+)' subset) \|(.*)")
_FINITE = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_NUMBER = re.compile(rf"(\w+) ({_FINITE.pattern})")
# --log-format json, the name of the subset before each measure:
#   {"epoch": 1, "valid_loss": "8.1", "valid_nll_loss": "7.9", "valid_num_updates": "100"}
_JSON = re.compile(r"\{\"epoch\": .*\}")
_UPDATES = "_num_updates"


def read_log(path: Path, wanted: Sequence[str]) -> dict[str, dict[int, Measures]]:
    """Return subset -> updates -> the `wanted` measures of each validation in a log of any format.

    Of a validation that was repeated after an interruption, the last one counts. Raise a TextError for a log without
    validations.
    """
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise TextError(f"the log {path} cannot be read: {error.strerror}") from None
    found: dict[str, dict[int, Measures]] = {}
    for subset, measured in (*_simple(text), *_json(text)):
        if "num_updates" in measured:
            kept = {name: measured[name] for name in wanted if name in measured}
            found.setdefault(subset, {})[int(measured["num_updates"])] = kept
    if not found:
        raise TextError(
            f"{path} holds no validation that fairseq-train logged: give what it printed, with --log-format simple, "
            "tqdm or json and without --disable-validation"
        )
    return found


def _simple(text: str) -> Iterator[tuple[str, Measures]]:
    for subset, rest in _SIMPLE.findall(text):
        yield subset or "valid", {name: float(value) for name, value in _NUMBER.findall(rest)}


def _json(text: str) -> Iterator[tuple[str, Measures]]:
    for line in _JSON.findall(text):
        try:
            stats = json.loads(line)
        except ValueError:
            continue
        for key in stats:
            subset = key.removesuffix(_UPDATES)
            if subset not in (key, "train"):
                begin = f"{subset}_"
                yield subset, _numbers({name[len(begin) :]: stats[name] for name in stats if name.startswith(begin)})


def _numbers(stats: dict[str, object]) -> Measures:
    """Keep the finite numbers, which fairseq writes as text."""
    return {name: float(str(value)) for name, value in stats.items() if _FINITE.fullmatch(str(value))}
