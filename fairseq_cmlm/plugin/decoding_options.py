"""How decoding is configured: the options of the task, checked, and the presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.early_exit import Contest, Exit, below, until_unchanged
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.token_search import SEARCH_ORDERS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.precision import PRECISIONS

DECODING_STRATEGIES = sorted([*STRATEGIES, *SEARCH_ORDERS])
EARLY_EXITS = ("iterations_per_token", "stop_unchanged", "confidence_threshold", "halve_candidates")
# What a preset may set -> its name as an option of the task.
PRESET_OPTIONS = {
    "strategy": "decoding_strategy",
    "iterations": "decoding_iterations",
    **{name: name for name in (*EARLY_EXITS, "length_prior")},
}
# No option of a checkpoint's training: for who decodes from Python.
NOTHING_GIVEN: dict[str, Any] = dict.fromkeys(PRESET_OPTIONS.values())
# Chosen on a validation set: docs/SPEED.md.
PRESETS: dict[str, dict[str, Any]] = {
    "full": {"strategy": "mask_predict", "iterations": 10},
    "fast": {
        "strategy": "without_remasking",
        "iterations": 6,
        "confidence_threshold": 0.6,
        "halve_candidates": 1,
        "length_prior": 3.0,
    },
}


def with_preset(preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a preset sets, but what is `given` and not None wins."""
    if preset not in PRESETS:
        raise OptionError(f"--decoding-preset {preset} is none of {', '.join(PRESETS)}")
    return {**PRESETS[preset], **{name: value for name, value in given.items() if value is not None}}


@dataclass(frozen=True)
class DecodingOptions:
    """How to decode; checked when made. The last five are off where they are None.

    iterations            every pass counts, the first one included; 0 is one pass for each token of a row
    length_beam           number of length candidates
    beam                  hypotheses of each candidate in easy_first and left_to_right
    original              the exact mode
    dtype                 a row of PRECISIONS
    iterations_per_token  a row of n tokens takes at most n times as many passes, rounded up
    stop_unchanged        a row is finished when so many passes in succession changed none of its tokens
    confidence_threshold  a token is masked again only if its probability is below
    halve_candidates      passes after which the better half of a sentence's candidates goes on, again and again
    length_prior          weight of the length's log-probability in a candidate's score
    """

    strategy: str
    iterations: int
    length_beam: int
    gold_target_length: bool = False
    beam: int = 5
    original: bool = False
    dtype: str = "float32"
    iterations_per_token: Optional[float] = None
    stop_unchanged: Optional[int] = None
    confidence_threshold: Optional[float] = None
    halve_candidates: Optional[int] = None
    length_prior: Optional[float] = None

    def __post_init__(self) -> None:
        if self.strategy not in DECODING_STRATEGIES:
            raise OptionError(f"--decoding-strategy {self.strategy} is none of {', '.join(DECODING_STRATEGIES)}")
        if self.dtype not in PRECISIONS:
            raise OptionError(f"--decoding-dtype {self.dtype} is none of {', '.join(PRECISIONS)}")
        if self.iterations < 0:
            raise OptionError(
                f"--decoding-iterations {self.iterations} must be at least 1, as it counts the first pass, or 0 for "
                "one pass a token"
            )
        for name in ("length_beam", "beam", "stop_unchanged", "halve_candidates"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{_flag(name)} {value} must be at least 1")
        if self.iterations_per_token is not None and not self.iterations_per_token > 0:
            raise OptionError(f"--iterations-per-token {self.iterations_per_token} must be above 0")
        if self.confidence_threshold is not None and not 0 < self.confidence_threshold <= 1:
            raise OptionError(f"--confidence-threshold {self.confidence_threshold} must be above 0 and at most 1")
        if self.length_prior is not None and not self.length_prior >= 0:
            raise OptionError(f"--length-prior {self.length_prior} must be at least 0")
        self._refuse_together()

    def _refuse_together(self) -> None:
        search = self.strategy in SEARCH_ORDERS
        for name in (*EARLY_EXITS, "length_prior") if self.original else EARLY_EXITS if search else ():
            if getattr(self, name) is not None:
                other = "--original-decoding" if self.original else f"--decoding-strategy {self.strategy}"
                raise OptionError(f"{_flag(name)}, of its own or of a --decoding-preset, is not for {other}")

    def passes(self, lengths: Tensor) -> Tensor:
        """The most passes that each row of `lengths` (N,) may take, (N,) int64."""
        total = lengths if self.iterations == 0 else torch.full_like(lengths, self.iterations)
        if self.iterations_per_token is None:
            return total
        return torch.minimum(total, (lengths * self.iterations_per_token).ceil().long())

    def exits(self) -> list[Exit]:
        """The exits of rows and tokens, for the refinement loop."""
        found: list[Exit] = []
        if self.stop_unchanged is not None:
            found.append(until_unchanged(self.stop_unchanged))
        if self.confidence_threshold is not None:
            found.append(below(self.confidence_threshold))
        return found

    def contest(self, bonus: Tensor) -> Optional[Contest]:
        """The contest of the length candidates, with the `bonus` (B, K) of each."""
        return None if self.halve_candidates is None else Contest(bonus, self.halve_candidates)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
