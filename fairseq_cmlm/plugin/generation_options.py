"""Which options of fairseq's generation commands hold for mask-predict, and how it is configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fairseq_cmlm.decoding.strategy import STRATEGIES
from fairseq_cmlm.decoding.token_search import SEARCH_ORDERS
from fairseq_cmlm.errors import OptionError

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
            raise OptionError(f"--{name.replace('_', '-')} {value} is not for --task translation_cmlm: {advice}")


DECODING_STRATEGIES = sorted([*STRATEGIES, *SEARCH_ORDERS])


@dataclass(frozen=True)
class DecodingOptions:
    """How to decode; checked when made.

    iterations counts every pass, the first one included, and 0 is one pass for each token of a row. length_beam is the
    number of length candidates, beam the hypotheses of each in easy_first and left_to_right.
    """

    strategy: str
    iterations: int
    length_beam: int
    gold_target_length: bool = False
    beam: int = 5
    original: bool = False

    def __post_init__(self) -> None:
        if self.strategy not in DECODING_STRATEGIES:
            raise OptionError(f"--decoding-strategy {self.strategy} is none of {', '.join(DECODING_STRATEGIES)}")
        if self.iterations < 0:
            raise OptionError(
                f"--decoding-iterations {self.iterations} must be at least 1, as it counts the first pass, or 0 for "
                "one pass a token"
            )
        if self.length_beam < 1:
            raise OptionError(f"--length-beam {self.length_beam} must be at least 1")
        if self.beam < 1:
            raise OptionError(f"--beam {self.beam} must be at least 1")

    def passes(self, lengths: Tensor) -> Tensor:
        """The most passes that each row of `lengths` (N,) may take, (N,) int64."""
        return lengths if self.iterations == 0 else torch.full_like(lengths, self.iterations)
