"""The one declaration of every decoding option: defaults, help and bounds.

The options of fairseq's commands, the arguments of `Translator.translate`, the report, the benchmarks, the tables of
the documents and the signature of a decoding all come from :class:`Decoding`. To add an option: a field here.
"""

from __future__ import annotations

import os
from collections import ChainMap
from dataclasses import dataclass, field, fields
from typing import Any, Mapping, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.choice import mixture
from fairseq_cmlm.decoding.conflicts import ORIGINAL, refuse_conflicts
from fairseq_cmlm.decoding.effect import refuse_without_effect
from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.planning import PLANNERS
from fairseq_cmlm.decoding.presets import PRESETS
from fairseq_cmlm.decoding.rules import OURS, RELEASED, Rules
from fairseq_cmlm.decoding.search import SEARCH_ORDERS
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.options import check, declared, flag_of, name_of, option, signature
from fairseq_cmlm.schedule import SCHEDULES, MaskSchedule


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
        "what a pass predicts (docs/STRATEGIES.md): `mask_predict` masks the least sure tokens again, "
        "`without_remasking` keeps what is filled for good; `all_tokens`, `edit` and `path_planning` read what stands "
        "again, for models trained to; `remdm_*` draw what is masked again; `easy_first` and `left_to_right` fill one "
        "token a pass and keep the `--beam` best hypotheses",
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
    choose_by: str = option(
        "confidence",
        "what the candidates are compared by: `confidence` of each token when it was predicted, and the length prior; "
        "`autoregressive`: mean log-probability under the model of `--rescore-with` (one pass of it); "
        "`pseudo_likelihood`: of the tokens given the finished others (two passes); `likelihood_bound` (four passes); "
        "`consensus`: mean chrF against the other candidates (no pass); or a weighted sum: `consensus+confidence:0.3`",
    )
    rescore_with: Optional[str] = option(
        None,
        "checkpoint of fairseq's autoregressive Transformer with the same dictionaries, or of `--objective hybrid`, "
        "the decoded one itself too; for `--choose-by autoregressive`, which it sets where that is not given",
        file=True,
    )
    plan_by: str = option(
        "confidence",
        "how likely a token is held to be when it is decided what to mask again: `confidence`, its probability in the "
        "pass that predicted it; `autoregressive`: given those to its left, under the model of `--plan-with` (one pass "
        "of it after each pass); `pseudo_likelihood`: given the others (two passes after each pass); `quality`: how "
        "likely it is right, by the head of `--objective prism` (one pass after each pass)",
        choices=PLANNERS,
    )
    plan_with: Optional[str] = option(
        None,
        "checkpoint for `--plan-by autoregressive`, which it sets where `--plan-by` is not given; see `--rescore-with`",
        file=True,
    )
    length_scale: float = option(
        1.0, "multiply the predicted lengths: a model of distilled text writes as briefly as its teacher", above=0
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
    capture_passes: bool = option(
        False,
        "GPU: record a pass of each shape once and replay it (CUDA graphs), which pays for few sentences at a time",
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
    stop_entropy: Optional[float] = option(
        None,
        "with `--stop-unchanged`: finish a candidate only if the mean entropy of the last predictions is below, in "
        "nats, too",
        above=0,
    )
    entropy_bound: Optional[float] = option(
        None,
        "keep so many of a pass's surest tokens that their entropies, without the largest, add up to at most this, in "
        "nats; with `without_remasking` and many passes",
        least=0,
    )
    edit_threshold: Optional[float] = option(
        None,
        "with `all_tokens` and `edit`: replace a token that stands only by one whose probability is above this",
        least=0,
        below=1,
    )
    desmooth: Optional[float] = option(
        None,
        "undo label smoothing of this size in what thresholds of probability and entropy are compared with; nothing is "
        "undone by default, but with thresholds of entropy what the checkpoint was trained with",
        least=0,
        below=1,
    )
    order: str = option(
        "probability",
        "which tokens are the least sure: by the `probability` of the best word, its `margin` to the second, or the "
        "`entropy`",
        flag="decoding_order",
        choices=ORDERS,
    )
    eta: Optional[float] = option(
        None,
        "with `path_planning`, how readily what stands is masked again (default 1; 0 never); with `remdm_cap`, "
        "`remdm_rescale` and `remdm_loop` the probability of it (default 0.02, 0.05, 0.02, for hundreds of passes)",
        flag="decoding_eta",
        least=0,
    )
    block_length: Optional[int] = option(
        None,
        "decode so many tokens at a time from left to right, each block in `--decoding-iterations` passes",
        least=1,
    )
    temperature: Optional[float] = option(
        None,
        "draw tokens with this temperature, instead of taking the best",
        flag="sampling_temperature",
        above=0,
    )
    top_p: Optional[float] = option(
        None,
        "draw among the likeliest tokens that together have this probability",
        flag="sampling_top_p",
        above=0,
        most=1,
    )
    seed: int = option(
        0, "other draws of tokens, and of what `remdm_*` mask; they depend on the sentence alone", flag="sampling_seed"
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
        mode: Mapping[str, Any] = ORIGINAL if given.get("original") else {}
        for name, read_by in {"rescore_with": "choose_by", "plan_with": "plan_by"}.items():
            if name in given:
                mode, given[name] = {**mode, read_by: "autoregressive"}, os.fspath(given[name])
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
        refuse_conflicts(self, flags)
        refuse_without_effect(self, flags)

    @property
    def searches(self) -> bool:
        """Whether the strategy fills one token a pass."""
        return self.strategy in SEARCH_ORDERS

    @property
    def rereads(self) -> bool:
        """Whether revealed positions are predicted as well, for which not every network is trained."""
        strategy = None if self.searches else STRATEGIES[self.strategy]
        return strategy is not None and (strategy.rewrites if self.planned else strategy.rereads)

    @property
    def planned(self) -> bool:
        """Whether a planner says how likely the tokens are."""
        return self.plan_by != "confidence"

    @property
    def weights(self) -> dict[str, float]:
        """The choosers by which the candidates are compared, each with its weight."""
        return mixture(self.choose_by)

    @property
    def draw(self) -> Optional[tuple[float, float]]:
        """Temperature and top-p, where tokens are drawn."""
        if self.temperature is None and self.top_p is None:
            return None
        return self.temperature or 1.0, self.top_p or 1.0

    @property
    def reads_entropy(self) -> bool:
        """Whether entropies are compared with a threshold."""
        return self.entropy_bound is not None or self.stop_entropy is not None

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

    def signature(self) -> str:
        """Return the decoding in one line, as sacreBLEU signs a score: what is needed to repeat it."""
        from fairseq_cmlm import __version__

        if not self.searches:
            return signature(self, version=__version__)
        # A search takes a pass for each token, whatever these two say.
        return signature(self, ("iterations", "mask_schedule"), beam=self.beam, version=__version__)
