"""Which options of fairseq's generation commands hold for mask-predict, and how it is configured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.early_exit import Contest, Exit, below, until_unchanged
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.token_search import SEARCH_ORDERS
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.precision import PRECISIONS

_NO_LEFT_TO_RIGHT = "it belongs to left-to-right search, and a cmlm model does not decode that way"

# Option of fairseq -> (its default, what to do instead). Set to another value, it would be ignored in silence.
FOREIGN_OPTIONS: dict[str, tuple[Any, str]] = {
    "iter_decode_max_iter": (
        10,
        "use --decoding-iterations, which counts every pass (fairseq's --iter-decode-max-iter 9 makes 10 passes)",
    ),
    "iter_decode_force_max_iter": (
        False,
        "leave it out: --decoding-iterations passes are always made, except where nothing is masked any more",
    ),
    "iter_decode_with_beam": (
        1,
        "use --length-beam, which decodes the most probable lengths (fairseq's takes the lengths around the best one)",
    ),
    "iter_decode_eos_penalty": (0.0, "leave it out: a cmlm model has no insertions whose end could be penalised"),
    "iter_decode_with_external_reranker": (False, "leave it out: candidates are chosen by their mean log-probability"),
    "score_reference": (False, "leave it out: a cmlm model has no left-to-right score of a reference"),
    "sampling": (False, _NO_LEFT_TO_RIGHT),
    "diverse_beam_groups": (-1, _NO_LEFT_TO_RIGHT),
    "diversity_rate": (-1.0, _NO_LEFT_TO_RIGHT),
    "match_source_len": (False, _NO_LEFT_TO_RIGHT),
    "prefix_size": (0, _NO_LEFT_TO_RIGHT),
    "constraints": (None, _NO_LEFT_TO_RIGHT),
    "no_repeat_ngram_size": (0, _NO_LEFT_TO_RIGHT),
    "lm_path": (None, _NO_LEFT_TO_RIGHT),
    "lenpen": (1, "leave it out: candidates are compared by their mean log-probability"),
    "unnormalized": (False, "leave it out: candidates are compared by their mean log-probability"),
    "unkpen": (0, "leave it out: unknown words are not penalised"),
    "temperature": (1.0, "leave it out: the most probable token is taken at each position"),
    "print_alignment": (None, "leave it out: no alignment is computed"),
    "replace_unk": (None, "leave it out: no alignment is computed"),
    "retain_dropout": (False, "leave it out: decoding is deterministic"),
}


def refuse_foreign_options(options: Any) -> None:
    """Raise for the first of `options`, a namespace or config, that has no meaning here and is not at its default."""
    for name, (default, advice) in FOREIGN_OPTIONS.items():
        value = getattr(options, name, default)
        if value != default and value is not None:
            raise OptionError(f"{_flag(name)} {value} is not for --task translation_cmlm: {advice}")


DECODING_STRATEGIES = sorted([*STRATEGIES, *SEARCH_ORDERS])

# Preset -> the early exits that it sets. Which they are was chosen on a validation set: docs/SPEED.md.
PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "fast": {"iterations_per_token": 0.5, "stop_unchanged": 3, "confidence_threshold": 0.8, "halve_candidates": 1},
}


@dataclass(frozen=True)
class EarlyExits:
    """What ends passes before the mask schedule does; None is off. Checked when made.

    iterations_per_token  a row of n tokens takes at most n times as many passes, rounded up
    stop_unchanged        a row is finished when so many passes in succession changed none of its tokens
    confidence_threshold  a token is masked again only if its probability is below
    halve_candidates      passes after which the better half of a sentence's length candidates goes on, again and again
    """

    iterations_per_token: Optional[float] = None
    stop_unchanged: Optional[int] = None
    confidence_threshold: Optional[float] = None
    halve_candidates: Optional[int] = None

    def __post_init__(self) -> None:
        if self.iterations_per_token is not None and not self.iterations_per_token > 0:
            raise OptionError(f"--iterations-per-token {self.iterations_per_token} must be above 0")
        if self.confidence_threshold is not None and not 0 < self.confidence_threshold <= 1:
            raise OptionError(f"--confidence-threshold {self.confidence_threshold} must be above 0 and at most 1")
        for name in ("stop_unchanged", "halve_candidates"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{_flag(name)} {value} must be at least 1, a number of passes")

    def rules(self) -> list[Exit]:
        """The exits of rows and tokens, for the refinement loop."""
        found: list[Exit] = []
        if self.stop_unchanged is not None:
            found.append(until_unchanged(self.stop_unchanged))
        if self.confidence_threshold is not None:
            found.append(below(self.confidence_threshold))
        return found

    def contest(self, allowed: Tensor) -> Optional[Contest]:
        """The contest of the length candidates, of which the `allowed` (B, K) bool take part."""
        return None if self.halve_candidates is None else Contest(allowed, self.halve_candidates)

    @classmethod
    def of_preset(cls, preset: str, given: dict[str, Any]) -> EarlyExits:
        """Those of a preset, but what is `given` and not None wins."""
        if preset not in PRESETS:
            raise OptionError(f"--decoding-preset {preset} is none of {', '.join(PRESETS)}")
        return cls(**{**PRESETS[preset], **{name: value for name, value in given.items() if value is not None}})

    @property
    def set(self) -> list[str]:
        """The names of those that are set."""
        return [name for name, value in asdict(self).items() if value is not None]


EARLY_EXITS = [field.name for field in fields(EarlyExits)]


@dataclass(frozen=True)
class DecodingOptions:
    """How to decode; checked when made.

    iterations counts every pass, the first one included, and 0 is one pass for each token of a row. length_beam is the
    number of length candidates, beam the hypotheses of each in easy_first and left_to_right. dtype is a row of
    PRECISIONS.
    """

    strategy: str
    iterations: int
    length_beam: int
    gold_target_length: bool = False
    beam: int = 5
    original: bool = False
    exits: EarlyExits = EarlyExits()
    dtype: str = "float32"

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
        if self.length_beam < 1:
            raise OptionError(f"--length-beam {self.length_beam} must be at least 1")
        if self.beam < 1:
            raise OptionError(f"--beam {self.beam} must be at least 1")
        if self.exits.set and (self.original or self.strategy in SEARCH_ORDERS):
            other = "--original-decoding" if self.original else f"--decoding-strategy {self.strategy}"
            raise OptionError(
                f"{_flag(self.exits.set[0])} is not for {other}, which makes all its passes: leave one out"
            )

    def passes(self, lengths: Tensor) -> Tensor:
        """The most passes that each row of `lengths` (N,) may take, (N,) int64."""
        total = lengths if self.iterations == 0 else torch.full_like(lengths, self.iterations)
        if self.exits.iterations_per_token is None:
            return total
        return torch.minimum(total, (lengths * self.exits.iterations_per_token).ceil().long())


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
