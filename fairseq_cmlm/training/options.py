"""The one declaration of the training options, beside those of fairseq."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.options import check, declared, flag_of, option
from fairseq_cmlm.schedule import SCHEDULES, MaskSchedule
from fairseq_cmlm.training.noising import NOISINGS
from fairseq_cmlm.training.objectives import OBJECTIVES

# Options that only some objectives use: those that name them in their rows.
_OF_SOME_OBJECTIVES = ("noising", "guess_share", "glancing_share", "objective_weight", "ramp_updates")


@dataclass(frozen=True)
class Training:
    """The training options of a network; checked when made."""

    objective: str = option(
        "cmlm",
        "what is learned: `cmlm` the masked tokens, each with the same weight, as in the paper; `likelihood` a bound "
        "of the likelihood of the whole target; `cmlmc` also to correct own guesses among the revealed tokens; `smart` "
        "masked tokens beside own guesses, `smart_all` revealed ones too; `glancing` to write all at once; `amom` also "
        "from own tokens, masked anew; `prism` also which tokens are right; `hybrid` also from left to right; "
        "`minimum_risk` the BLEU of samples too, to fine-tune",
        choices=OBJECTIVES,
    )
    noising: str = option(
        "uniform",
        "which target tokens are masked: `uniform` k of N, k drawn from 1..N; `changed` in half "
        "of the sentences only what the source lacks, to fill its gaps; `uniform_original` from 1..N-1; `full` all N "
        "(to compare with)",
        choices=NOISINGS,
    )
    label_smoothing: float = option(0.1, "label smoothing of the tokens; the length has none", least=0, below=1)
    length_loss_factor: float = option(1.0, "weight of a sentence's length against a token", least=0)
    mask_schedule: str = option("linear", "as in decoding: how the number of masked tokens is drawn", choices=SCHEDULES)
    guess_share: Optional[float] = option(
        None,
        "share of the revealed tokens that are the network's own: 0.3 with `cmlmc`, 0.5 with `smart` and `smart_all`",
        least=0,
        most=1,
    )
    glancing_share: Optional[float] = option(
        None, "share of the sentences that `glancing` writes at once (0.5), the others as `cmlm`", least=0, most=1
    )
    objective_weight: Optional[float] = option(
        None,
        "weight of a token in what an objective adds, against a masked token of `cmlm`: 3.33 with `cmlmc`, 1 with "
        "`smart_all`, `amom` and `prism`, 0.5 with `hybrid`, 3 with `minimum_risk`",
        least=0,
    )
    ramp_updates: Optional[int] = option(
        None,
        "updates over which an objective is phased in: the shares of `smart` and `smart_all` and the weights of "
        "`cmlmc` and `amom` rise from 0; with `glancing` the revealed share of the wrong tokens falls from 0.5 to 0.3",
        least=0,
    )

    def __post_init__(self) -> None:
        check(self)
        row = OBJECTIVES[self.objective]
        for one in declared(self):
            value = getattr(self, one.name)
            if one.name in _OF_SOME_OBJECTIVES and one.name not in row.options and value != one.default:
                others = [name for name, other in OBJECTIVES.items() if one.name in other.options]
                raise OptionError(
                    f"{flag_of(one)} {value} cannot be combined with --objective {self.objective}, which has no use "
                    f"for it: leave one of them out; it is for {', '.join(others)}"
                )

        self._refuse_no_weight()
        self._refuse_deaf_schedule()

    def _refuse_no_weight(self) -> None:
        """Raise an OptionError for a share or weight of 0 that leaves untrained what decoding may read."""
        row = OBJECTIVES[self.objective]
        promises = row.scores_revealed or row.causal or row.heads
        for name in ("guess_share", "objective_weight"):
            if promises and getattr(self, name) == 0:
                raise OptionError(
                    f"--{name.replace('_', '-')} 0 leaves untrained what --objective {self.objective} lets a decoding "
                    "read: give more, or use --objective cmlm"
                )

    def _refuse_deaf_schedule(self) -> None:
        """Raise an OptionError for a mask schedule beside what draws the number of masked tokens otherwise."""
        of_noising = "--noising full" if self.noising == "full" else None
        deaf = "--objective likelihood" if self.objective == "likelihood" else of_noising
        if self.mask_schedule != "linear" and deaf:
            raise OptionError(
                f"--mask-schedule {self.mask_schedule} cannot be combined with {deaf}, which draws the number of "
                "masked tokens otherwise: leave one of them out"
            )

    def own(self, name: str) -> float:
        """Return the value of an option that only some objectives use: as given, or the objective's default."""
        given = getattr(self, name)
        return float(OBJECTIVES[self.objective].options[name] if given is None else given)

    def progress(self, updates: int) -> float:
        """Return the share of --ramp-updates that is over after so many updates, 0 to 1."""
        return min(1.0, updates / self.ramp_updates) if self.ramp_updates else 1.0

    @property
    def schedule(self) -> MaskSchedule:
        """Return the mask schedule, a function."""
        return SCHEDULES[self.mask_schedule]
