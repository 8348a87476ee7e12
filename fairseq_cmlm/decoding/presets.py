"""Presets: values for the decoding options that are not given, by field name. To add one: a row here."""

from __future__ import annotations

import os
from typing import Any, Mapping

from fairseq_cmlm.decoding.conflicts import ORIGINAL
from fairseq_cmlm.errors import OptionError

PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "fast": {"strategy": "without_remasking", "confidence_threshold": 0.85, "length_beam": 2},
    "best": {"length_beam": 9, "choose_by": "pseudo_likelihood+consensus:2"},
}

# A checkpoint that is given -> what reads it, and how, where that is not given.
READ_BY = {
    "rescore_with": {"choose_by": "autoregressive"},
    "plan_with": {"plan_by": "autoregressive"},
    "search_with": {"choose_by": "autoregressive+consensus:4"},
    "verify_with": {},
}
# The same beside a preset that chooses otherwise: the consensus stays, the given model reads in the model's own place.
READ_BESIDE = {("best", "rescore_with"): {"choose_by": "autoregressive+consensus:2"}}


def filled_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options `given`, by field name, with what a preset, the exact mode or a checkpoint among them sets.

    >>> filled_in({"plan_with": "teacher.pt"})
    {'plan_by': 'autoregressive', 'plan_with': 'teacher.pt'}
    >>> filled_in({"preset": "best", "rescore_with": "teacher.pt"})["choose_by"]
    'autoregressive+consensus:2'
    """
    preset = given.get("preset", "full")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise OptionError(f"--decoding-preset {preset} must be one of {', '.join(PRESETS)}")
    files = {name: os.fspath(given[name]) for name in READ_BY if name in given}
    found: dict[str, Any] = dict(ORIGINAL) if given.get("original") else {}
    found |= PRESETS[preset]
    for name in files:
        found |= READ_BESIDE.get((preset, name), READ_BY[name])
    found |= {**given, **files}
    # The model that has searched can say what it thinks of the other candidates.
    if "search_with" in files and "autoregressive" in found["choose_by"]:
        found.setdefault("rescore_with", files["search_with"])
    return found
