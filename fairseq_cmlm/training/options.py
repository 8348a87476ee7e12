"""The one declaration of the training options, beside those of fairseq."""

from __future__ import annotations

from dataclasses import dataclass

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.options import check, option
from fairseq_cmlm.schedule import SCHEDULES, MaskSchedule
from fairseq_cmlm.training.noising import NOISINGS
from fairseq_cmlm.training.objectives import OBJECTIVES


@dataclass(frozen=True)
class Training:
    """What a network is trained for; checked when made."""

    objective: str = option(
        "cmlm",
        "what is learned: `cmlm` the masked tokens, each with the same weight, as in the paper; `likelihood` a bound "
        "of the likelihood of the whole target",
        choices=OBJECTIVES,
    )
    noising: str = option(
        "uniform",
        "which target tokens are masked: `uniform` k of N, k drawn from 1..N; `uniform_original` from 1..N-1; `full` "
        "all N (to compare with)",
        choices=NOISINGS,
    )
    label_smoothing: float = option(0.1, "label smoothing of the tokens; the length has none", least=0, below=1)
    length_loss_factor: float = option(1.0, "weight of a sentence's length against a token", least=0)
    mask_schedule: str = option("linear", "as in decoding: how the number of masked tokens is drawn", choices=SCHEDULES)

    def __post_init__(self) -> None:
        check(self)
        if self.objective == "likelihood" and self.noising != "uniform":
            raise OptionError(
                f"--noising {self.noising} cannot be combined with --objective likelihood, whose bound needs uniform: "
                "leave one of them out"
            )

    @property
    def schedule(self) -> MaskSchedule:
        """The mask schedule, a function."""
        return SCHEDULES[self.mask_schedule]
