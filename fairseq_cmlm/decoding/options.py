"""The one declaration of every decoding option: defaults, help, bounds, conflicts and presets.

The options of fairseq's commands, the arguments of `Translator.translate`, the report, the benchmarks, the tables of
the documents and the signature of a decoding all come from :class:`Decoding`. To add an option: a field here.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field, fields
from typing import Any, Mapping, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.rules import OURS, RELEASED, Rules
from fairseq_cmlm.decoding.search import SEARCH_ORDERS
from fairseq_cmlm.decoding.stopping import StoppingRule, below_threshold, while_changing
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.options import check, declared, flag_of, name_of, option, signature
from fairseq_cmlm.schedule import SCHEDULES, MaskSchedule

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
# What the exact mode sets: the released code compares candidates by their mean log-probability alone.
_ORIGINAL = {"length_prior": 0.0}
_EARLY = ("iterations_per_token", "stop_unchanged", "confidence_threshold", "halve_candidates")
# Where the left option is on, those on the right must be off.
_CONFLICTS: dict[str, tuple[str, ...]] = {
    "original": (*_EARLY, "length_prior", "length_budget", "mask_schedule"),
    "strategy": (*_EARLY, "mask_schedule"),  # with one of SEARCH_ORDERS
    "gold_target_length": ("length_budget",),
}


@dataclass(frozen=True)
class Decoding:
    """How to decode. Make it with :meth:`of`, which fills in presets; checked when made.

    >>> Decoding.of(iterations=4).signature().split("|")[:3]
    ['strategy:mask_predict', 'iterations:4', 'mask_schedule:linear']
    """

    preset: str = option(
        "full",
        "values for options that are not given: `full` keeps all defaults, `fast` needs a quarter of the work",
        flag="decoding_preset",
        choices=PRESETS,
    )
    strategy: str = option(
        "mask_predict",
        "what a pass predicts: `mask_predict` masks the least sure tokens again, `without_remasking` keeps what is "
        "filled for good, `easy_first` and `left_to_right` fill one token a pass and keep the `--beam` best hypotheses",
        flag="decoding_strategy",
        choices=ChainMap(SEARCH_ORDERS, STRATEGIES),
        signed=True,
    )
    iterations: int = option(
        10,
        "passes T, counting the first; 0: as many as a row has tokens",
        flag="decoding_iterations",
        least=0,
        signed=True,
    )
    mask_schedule: str = option(
        "linear",
        "share of the tokens that stays masked after each pass; in training, how the number of masked tokens is drawn",
        choices=SCHEDULES,
        signed=True,
    )
    length_beam: int = option(5, "length candidates to decode for each sentence", least=1, signed=True)
    length_prior: float = option(
        1.0,
        "weight w of the length model in the choice of the candidate: mean log-probability + w ln p(length) / length; "
        "0 is the paper's choice, which favours short candidates",
        least=0,
        signed=True,
    )
    gold_target_length: bool = option(
        False, "decode the reference's length and those around it, not the predicted ones"
    )
    length_budget: Optional[int] = option(
        None,
        "decode exactly this many tokens, not a predicted number; in a target with blanks, for each blank of open size",
        least=1,
    )
    beam: int = field(default=5)  # fairseq's own option, of easy_first and left_to_right
    original: bool = option(False, "exact mode: decode as the paper's released code does", flag="original_decoding")
    dtype: str = option(
        "float32",
        "numbers to compute with: `bfloat16`, `int8` (CPU with VNNI), `float16` (GPU)",
        flag="decoding_dtype",
        choices=PRECISIONS,
        signed=True,
    )
    halve_candidates: Optional[int] = option(
        None, "keep the better half of a sentence's length candidates after every so many passes", least=1
    )
    iterations_per_token: Optional[float] = option(
        None, "let a candidate of n tokens take at most this times n passes", above=0
    )
    stop_unchanged: Optional[int] = option(
        None, "finish a candidate once this many consecutive passes have changed none of its tokens", least=1
    )
    confidence_threshold: Optional[float] = option(
        None,
        "mask a token again only if its probability is below; with `without_remasking`, keep all surer tokens at once",
        above=0,
        most=1,
    )

    @classmethod
    def of(cls, **given: Any) -> Decoding:
        """Return the decoding with the options `given` by field name; a preset fills in what is not given.

        >>> Decoding.of(preset="fast", iterations=4).strategy
        'without_remasking'
        """
        names = [one.name for one in fields(cls)]
        for name in given:
            if name not in names:
                flags = {name_of(one): one.name for one in declared(cls)}
                hint = f"use {flags[name]}" if name in flags else f"there are {', '.join(names)}"
                raise OptionError(f"'{name}' is no decoding option by its name in Python: {hint}")
        given = {name: value for name, value in given.items() if value is not None}
        preset = given.get("preset", "full")
        if not isinstance(preset, str) or preset not in PRESETS:
            raise OptionError(f"--decoding-preset {preset} must be one of {', '.join(PRESETS)}")
        mode: Mapping[str, Any] = _ORIGINAL if given.get("original") else {}
        return cls(**{**mode, **PRESETS[preset], **given})

    def __post_init__(self) -> None:
        check(self)
        if isinstance(self.beam, bool) or not isinstance(self.beam, int) or self.beam < 1:
            raise OptionError(f"--beam {self.beam} must be at least 1")
        if self.beam != 5 and not self.searches:
            raise OptionError(
                f"--beam {self.beam} is for --decoding-strategy {' and '.join(SEARCH_ORDERS)}: use --length-beam, the "
                f"number of length candidates, with {self.strategy}"
            )
        flags = {one.name: flag_of(one) for one in declared(self)}
        for name, others in _CONFLICTS.items():
            if self.searches if name == "strategy" else getattr(self, name):
                self._refuse(flags[name] + (f" {self.strategy}" if name == "strategy" else ""), others, flags)

    def _refuse(self, flag: str, others: tuple[str, ...], flags: Mapping[str, str]) -> None:
        """Raise for the first of the options `others` that is on."""
        for other in others:
            value = getattr(self, other)
            if value not in (None, 0, "linear"):
                raise OptionError(
                    f"{flags[other]} {value} (given, or set by --decoding-preset) cannot be combined with {flag}: "
                    "leave one of them out"
                )

    @property
    def searches(self) -> bool:
        """Whether the strategy fills one token a pass."""
        return self.strategy in SEARCH_ORDERS

    @property
    def rules(self) -> Rules:
        """What tokens, lengths and mask counts are allowed."""
        return RELEASED if self.original else OURS

    @property
    def schedule(self) -> MaskSchedule:
        """The mask schedule, a function."""
        return SCHEDULES[self.mask_schedule]

    def passes(self, lengths: Tensor) -> Tensor:
        """Return the most passes that each row of `lengths` (N,) tokens may take, (N,) int64."""
        total = lengths if self.iterations == 0 else torch.full_like(lengths, self.iterations)
        if self.iterations_per_token is None:
            return total
        return torch.minimum(total.double(), (lengths.double() * self.iterations_per_token).ceil()).long()

    def stopping_rules(self) -> list[StoppingRule]:
        """Return the rules that end the passes of rows and tokens early."""
        found: list[StoppingRule] = []
        if self.stop_unchanged is not None:
            found.append(while_changing(self.stop_unchanged))
        if self.confidence_threshold is not None:
            found.append(below_threshold(self.confidence_threshold))
        return found

    def signature(self) -> str:
        """Return the decoding in one line, as sacreBLEU signs a score: what is needed to repeat it."""
        from fairseq_cmlm import __version__

        if not self.searches:
            return signature(self, version=__version__)
        # A search takes a pass for each token, whatever these two say.
        return signature(self, ("iterations", "mask_schedule"), beam=self.beam, version=__version__)
