"""The one declaration of every decoding option: defaults, help and bounds.

The options of fairseq's commands, the arguments of `Translator.translate`, the report, the benchmarks, the tables of
the documents and the signature of a decoding all come from :class:`Decoding`. To add an option: a field here.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field, fields
from typing import Any, Optional

import torch
from torch import Tensor

from fairseq_cmlm.decoding.choice import mixture
from fairseq_cmlm.decoding.conflicts import refuse_conflicts
from fairseq_cmlm.decoding.effect import refuse_without_effect
from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.planning import PLANNERS
from fairseq_cmlm.decoding.presets import PRESETS, filled_in
from fairseq_cmlm.decoding.rules import OURS, RELEASED, Rules
from fairseq_cmlm.decoding.search import SEARCH_ORDERS
from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.errors import OptionError, meant
from fairseq_cmlm.model.precision import PRECISIONS
from fairseq_cmlm.options import check, declared, flag_of, name_of, option, signature
from fairseq_cmlm.schedule import SCHEDULES, MaskSchedule


@dataclass(frozen=True)
class Decoding:
    """The options of a decoding. Make it with :meth:`of`, which fills in presets; checked when made.

    >>> Decoding.of(iterations=4).signature().split("|")[:3]
    ['strategy:mask_predict', 'iterations:4', 'mask_schedule:linear']
    """

    preset: str = option(
        "full",
        "values for options that are not given: `full` keeps all defaults, `fast` needs a third of the "
        "work, `best` twice as much",
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
        most=2**31 - 1,
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
        most=1000,
        signed=True,
    )
    choose_by: str = option(
        "confidence",
        "what the candidates are compared by: `confidence` of each token when it was predicted, and the length prior; "
        "`autoregressive`: mean log-probability under the model of `--rescore-with` (one pass of it); "
        "`pseudo_likelihood`: of the tokens given the finished others (two passes); `likelihood_bound` (four passes); "
        "`consensus`: mean chrF against all candidates (no pass); or a weighted sum: `consensus+confidence:0.3`",
    )
    rescore_with: Optional[str] = option(
        None,
        "checkpoint for `--choose-by autoregressive`, which it implies (with the preset `best` beside its consensus): "
        "fairseq's autoregressive Transformer with the same dictionaries, or a model of `--objective hybrid`, which "
        "may be the decoded one itself",
        file=True,
    )
    plan_by: str = option(
        "confidence",
        "probability of a token that decides whether to mask it again: `confidence`, in the pass that predicted it; "
        "`autoregressive`, given the tokens to its left, under the model of `--plan-with` (one pass after each pass); "
        "`pseudo_likelihood`, given all others (two); `quality`, of being right, by a head of `--objective prism`",
        choices=PLANNERS,
    )
    plan_with: Optional[str] = option(
        None,
        "checkpoint for `--plan-by autoregressive`, which it implies; of the same kinds as for `--rescore-with`",
        file=True,
    )
    search_with: Optional[str] = option(
        None,
        "checkpoint, as of `--rescore-with`, whose beam search adds its `--beam` hypotheses to the candidates; "
        "unless `--choose-by` is given, it also rescores all of them, combined with their consensus",
        file=True,
    )
    verify_with: Optional[str] = option(
        None,
        "checkpoint, as of `--rescore-with`, whose greedy search is the result: the masked model proposes the rest, "
        "once for each of `--length-beam` lengths, and the other accepts it as far as it agrees",
        file=True,
    )
    length_scale: float = option(
        1.0, "factor for the predicted lengths: a model of distilled text writes as briefly as its teacher", least=0.1
    )
    gold_target_length: bool = option(
        False, "decode the reference's length and those around it instead of the predicted ones"
    )
    length_budget: Optional[int] = option(
        None,
        "decode exactly this many tokens; in a target with blanks, in each blank of open size",
        least=1,
    )
    beam: int = field(default=5)  # fairseq's own option, of easy_first, left_to_right and --search-with
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
        "mask a token again only if its probability is below this; with `without_remasking`, keep all surer tokens",
        above=0,
        most=1,
    )
    stop_entropy: Optional[float] = option(
        None,
        "with `--stop-unchanged`: finish a candidate only if the mean entropy of its last predictions, in nats, is "
        "below this too",
        above=0,
    )
    entropy_bound: Optional[float] = option(
        None,
        "keep a pass's surest tokens as long as their entropies, not counting the largest, sum to at most this many "
        "nats; for `without_remasking` and many passes",
        least=0,
    )
    edit_threshold: Optional[float] = option(
        None,
        "with `all_tokens` and `edit`: replace a filled token only by one whose probability is above this",
        least=0,
        below=1,
    )
    desmooth: Optional[float] = option(
        None,
        "label smoothing for which to correct thresholds of probability and entropy; by default that of the "
        "checkpoint's training for thresholds of entropy, and none for thresholds of probability",
        least=0,
        below=1,
    )
    trained_smoothing: Optional[float] = field(default=None)  # of the checkpoint: no option, for entropies alone
    order: str = option(
        "probability",
        "which tokens are the least sure: by the `probability` of the best word, its `margin` to the second, or the "
        "`entropy`",
        flag="decoding_order",
        choices=ORDERS,
    )
    eta: Optional[float] = option(
        None,
        "with `path_planning`, how readily filled tokens are masked again (default 1; 0: never); with `remdm_cap`, "
        "`remdm_rescale` and `remdm_loop`, the probability of it (default 0.02, 0.05, 0.02, for hundreds of passes)",
        flag="decoding_eta",
        least=0,
    )
    block_length: Optional[int] = option(
        None, "decode blocks of this many tokens from left to right, each in `--decoding-iterations` passes", least=1
    )
    temperature: Optional[float] = option(
        None, "draw tokens with this temperature, not the best", flag="sampling_temperature", least=1e-4, most=1e4
    )
    top_p: Optional[float] = option(
        None,
        "draw among the likeliest tokens that together have this probability",
        flag="sampling_top_p",
        above=0,
        most=1,
    )
    seed: int = option(
        0, "seed of drawn tokens and masks, alike in any batch", flag="sampling_seed", least=0, most=2**31 - 1
    )

    @classmethod
    def of(cls, **given: Any) -> Decoding:
        """Make a decoding of the options `given` by field name; a preset fills in the others.

        >>> Decoding.of(preset="fast", iterations=4).strategy
        'without_remasking'
        """
        names = [one.name for one in fields(cls)]
        for name in given:
            if name not in names:
                flags = {name_of(one): one.name for one in declared(cls)}
                hint = f"use {flags[name]}" if name in flags else meant(name, names)
                raise OptionError(f"'{name}' is no decoding option by its name in Python: {hint}")
        return cls(**filled_in({name: value for name, value in given.items() if value is not None}))

    def __post_init__(self) -> None:
        check(self)
        if isinstance(self.beam, bool) or not isinstance(self.beam, int) or self.beam < 1:
            raise OptionError(f"--beam {self.beam} must be at least 1")
        if self.beam != 5 and not self.searches and self.search_with is None:
            raise OptionError(
                f"--beam {self.beam} is for --search-with and --decoding-strategy {' and '.join(SEARCH_ORDERS)}: use "
                f"--length-beam, the number of length candidates, with {self.strategy}"
            )
        flags = {one.name: flag_of(one) for one in declared(self)}
        refuse_conflicts(self, flags)
        refuse_without_effect(self, flags)

    @property
    def searches(self) -> bool:
        """Return whether the strategy is a search, which fills one token per pass."""
        return self.strategy in SEARCH_ORDERS

    @property
    def rereads(self) -> bool:
        """Return whether revealed positions are predicted too, for which not every network is trained."""
        strategy = None if self.searches else STRATEGIES[self.strategy]
        return strategy is not None and (strategy.rewrites if self.planned else strategy.rereads)

    @property
    def planned(self) -> bool:
        """Return whether a planner says how likely the tokens are."""
        return self.plan_by != "confidence"

    @property
    def weights(self) -> dict[str, float]:
        """Return the choosers that compare the candidates, each with its weight."""
        return mixture(self.choose_by)

    @property
    def draw(self) -> Optional[tuple[float, float]]:
        """Return temperature and top-p if tokens are drawn, else None."""
        if self.temperature is None and self.top_p is None:
            return None
        return self.temperature or 1.0, self.top_p or 1.0

    @property
    def reads_entropy(self) -> bool:
        """Return whether entropies are compared with a threshold."""
        return self.entropy_bound is not None or self.stop_entropy is not None

    @property
    def rules(self) -> Rules:
        """Return the rules for tokens, lengths and mask counts."""
        return RELEASED if self.original else OURS

    @property
    def schedule(self) -> MaskSchedule:
        """Return the mask schedule, a function."""
        return SCHEDULES[self.mask_schedule]

    def passes(self, lengths: Tensor) -> Tensor:
        """Return the maximal number of passes for rows of `lengths` (N,) tokens, (N,) int64."""
        total = lengths if self.iterations == 0 else torch.full_like(lengths, self.iterations)
        if self.iterations_per_token is None:
            return total
        return torch.minimum(total.double(), (lengths.double() * self.iterations_per_token).ceil()).long()

    def signature(self) -> str:
        """Return a signature in one line, like sacreBLEU's, with all that is needed to repeat the decoding."""
        from fairseq_cmlm import __version__

        # A search takes a pass for each token, and a verification as many as it needs, whatever these two say.
        left_out = ("iterations", "mask_schedule") if self.searches or self.verify_with else ()
        beam: dict[str, Any] = {"beam": self.beam} if self.searches or self.search_with else {}
        beam |= {} if self.trained_smoothing is None else {"trained_smoothing": self.trained_smoothing}
        return signature(self, left_out, **beam, version=__version__)
