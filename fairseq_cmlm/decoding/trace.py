"""The trace: the one record of a decoding. Whatever shows how a translation came about reads it from here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from torch import Tensor

from fairseq_cmlm.decoding.tokens import Alternatives

# Why a position was masked again, or was not. A stopping rule adds its own reason where it kept a token that the
# strategy had chosen.
UNSURE, TAKEN_BACK, MASKED, KEPT, FINISHED = "unsure", "taken back", "masked", "kept", "finished"
GIVEN_UP, FROZEN = "given up", "given"


@dataclass(frozen=True)
class BatchPass:
    """One pass over n of the N rows.

    rows          (n,) int64 on the host, which of the N rows
    read          (n, T) int64, what the model read, with the mask symbol at masked positions
    asked         (n, T) bool, the positions that were predicted
    tokens        (n, T) int64, what stood there afterwards
    log_probs     (n, T) float32, natural log of the probability of each token in the pass that predicted it
    chosen        (n, T) bool, the positions that the strategy ranked among those to mask again; one that is masked and
                  not among them was never filled
    kept_by       reason -> (n, T) bool, where a stopping rule kept such a position
    remasked      (n, T) bool, what was masked for the next pass
    fillable      (n, T) bool, neither padding nor given by the user
    given_up      (n,) bool, rows that lost against the other length candidates of their sentence
    alternatives  (n, T, k), the k best tokens where this pass predicted, -inf elsewhere; None unless asked for
    """

    rows: Tensor
    read: Tensor
    asked: Tensor
    tokens: Tensor
    log_probs: Tensor
    chosen: Tensor
    kept_by: dict[str, Tensor]
    remasked: Tensor
    fillable: Tensor
    given_up: Tensor
    alternatives: Optional[Alternatives] = None


class RowPass(NamedTuple):
    """One pass of one row of n tokens, on the host.

    read, tokens  (n,) int64, before and after
    log_probs     (n,) float32
    asked         (n,) bool, what was predicted
    remasked      (n,) bool, what was masked for the next pass
    fillable      (n,) bool, what the user has not given
    why           for each position, why it was masked again or not
    alternatives  (n, k); None unless asked for
    """

    read: Tensor
    tokens: Tensor
    log_probs: Tensor
    asked: Tensor
    remasked: Tensor
    fillable: Tensor
    why: list[str]
    alternatives: Optional[Alternatives]

    @property
    def ranks(self) -> list[int]:
        """The rank of each token among those to fill, 0 for the least sure; -1 for what the user has given."""
        order = self.log_probs.masked_fill(~self.fillable, float("inf")).argsort(stable=True)
        return order.argsort().masked_fill(~self.fillable, -1).tolist()

    @property
    def score(self) -> float:
        """The mean log-probability of what was filled so far, natural log."""
        filled = self.fillable & self.log_probs.isfinite()
        return float(self.log_probs[filled].mean()) if filled.any() else 0.0


@dataclass
class Trace:
    """The passes of a decoding, in order.

    alternatives  how many of the best tokens of each position to keep; 0 for none
    """

    alternatives: int = 0
    passes: list[BatchPass] = field(default_factory=list)

    def of_row(self, row: int, length: int) -> list[RowPass]:
        """Return the passes of one of the N rows, cut to its `length`."""
        found = []
        for made in self.passes:
            for place in (made.rows == row).nonzero().flatten().tolist():
                found.append(_row_pass(made, place, length))
        return found


def _row_pass(made: BatchPass, place: int, length: int) -> RowPass:
    def cut(tensor: Tensor) -> Tensor:
        return tensor[place, :length].cpu()

    best = made.alternatives
    return RowPass(
        read=cut(made.read),
        tokens=cut(made.tokens),
        log_probs=cut(made.log_probs),
        asked=cut(made.asked),
        remasked=cut(made.remasked),
        fillable=cut(made.fillable),
        why=_reasons(made, place, length),
        alternatives=None if best is None else Alternatives(cut(best.tokens), cut(best.log_probs)),
    )


def _reasons(made: BatchPass, place: int, length: int) -> list[str]:
    """Say of each position of a row why it was masked again or not."""
    if bool(made.given_up[place]):
        return [GIVEN_UP] * length
    # A row with nothing masked is finished; what the strategy had chosen in it was kept for that alone.
    finished = not bool(made.remasked[place].any())
    why = []
    for position in range(length):
        here = (place, position)
        rules = (reason for reason, kept in made.kept_by.items() if bool(kept[here]))
        if not bool(made.fillable[here]):
            why.append(FROZEN)
        elif bool(made.remasked[here]):
            predicted = UNSURE if bool(made.asked[here]) else TAKEN_BACK
            why.append(predicted if bool(made.chosen[here]) else MASKED)
        else:
            why.append(next(rules, FINISHED if finished else KEPT))
    return why
