"""Presets: values for the decoding options that are not given, by field name. To add one: a row here."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "fast": {
        "strategy": "without_remasking",
        "iterations": 6,
        "confidence_threshold": 0.6,
        "halve_candidates": 1,
        "length_prior": 3.0,
    },
}
