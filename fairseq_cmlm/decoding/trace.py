"""The trace: the one record of a decoding. Whatever shows how a translation came about reads it from here."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Callable, Iterator, NamedTuple, Optional

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
    asked         (n, T) bool, the masked positions, which were predicted
    tokens        (n, T) int64, what stood there afterwards
    log_probs     (n, T) float32, natural log of the probability of each token in the pass that predicted it, or to the
                  planner
    sureness      (n, T) float32, what the strategy ranked them by: the same, or another order
    chosen        (n, T) bool, the positions that the strategy ranked among those to mask again; one that is masked and
                  not among them was never filled
    kept_by       reason -> (n, T) bool, where a stopping rule kept such a position
    remasked      (n, T) bool, what was masked for the next pass
    fillable      (n, T) bool, neither padding nor given by the user
    given_up      (n,) bool, rows that lost against the other length candidates of their sentence
    real          (n, T) bool, no padding
    alternatives  (n, T, k), the k best tokens where this pass predicted, -inf elsewhere; None unless asked for
    attention     (n, T, S) float32, how much each position read of each source position; None unless asked for
    """

    rows: Tensor
    read: Tensor
    asked: Tensor
    tokens: Tensor
    log_probs: Tensor
    sureness: Tensor
    chosen: Tensor
    kept_by: dict[str, Tensor]
    remasked: Tensor
    fillable: Tensor
    given_up: Tensor
    real: Tensor
    alternatives: Optional[Alternatives] = None
    attention: Optional[Tensor] = None

    def by_row(self) -> Iterator[tuple[int, RowPass]]:
        """Yield the rows of the pass, each with its number among the N."""
        for place, number in enumerate(self.rows.tolist()):
            yield number, _row_pass(self, place, int(self.real[place].sum()))


class RowPass(NamedTuple):
    """One pass of one row of n tokens, on the host.

    read, tokens  (n,) int64, before and after
    log_probs     (n,) float32
    sureness      (n,) float32, higher is surer
    asked         (n,) bool, what was masked and predicted
    remasked      (n,) bool, what was masked for the next pass
    fillable      (n,) bool, what the user has not given
    why           for each position, why it was masked again or not
    alternatives  (n, k); None unless asked for
    attention     (n, S); None unless asked for
    """

    read: Tensor
    tokens: Tensor
    log_probs: Tensor
    sureness: Tensor
    asked: Tensor
    remasked: Tensor
    fillable: Tensor
    why: list[str]
    alternatives: Optional[Alternatives]
    attention: Optional[Tensor]

    @property
    def ranks(self) -> list[int]:
        """The rank of each token among those to fill, 0 for the least sure; -1 for what the user has given."""
        order = self.sureness.masked_fill(~self.fillable, float("inf")).argsort(stable=True)
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
    attention     whether to keep what of the source each position read
    watch         is called with each pass as soon as it is made; a search over single tokens knows them at its end
    candidates    K, the rows of each sentence; whoever decodes sets it
    """

    alternatives: int = 0
    attention: bool = False
    watch: Optional[Callable[[BatchPass], None]] = None
    candidates: int = 1
    passes: list[BatchPass] = field(default_factory=list)

    def add(self, made: BatchPass) -> None:
        """Record a pass."""
        self.passes.append(made)
        if self.watch is not None:
            self.watch(made)

    def fetch(self) -> None:
        """Bring all passes to the host at once, where they are read number by number."""
        self.passes = [_on_host(made) for made in self.passes]

    def of_row(self, row: int, length: int) -> list[RowPass]:
        """Return the passes of one of the N rows, cut to its `length`."""
        found = []
        for made in self.passes:
            for place in (made.rows == row).nonzero().flatten().tolist():
                found.append(_row_pass(made, place, length))
        return found


def _on_host(made: BatchPass) -> BatchPass:
    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: one.cpu() for name, one in value.items()}
        return value.cpu() if isinstance(value, Tensor) else value and Alternatives(*(one.cpu() for one in value))

    return BatchPass(**{one.name: moved(getattr(made, one.name)) for one in fields(BatchPass)})


def _row_pass(made: BatchPass, place: int, length: int) -> RowPass:
    def cut(tensor: Tensor) -> Tensor:
        return tensor[place, :length]

    best = made.alternatives
    return RowPass(
        read=cut(made.read),
        tokens=cut(made.tokens),
        log_probs=cut(made.log_probs),
        sureness=cut(made.sureness),
        asked=cut(made.asked),
        remasked=cut(made.remasked),
        fillable=cut(made.fillable),
        why=_reasons(made, place, length),
        alternatives=None if best is None else Alternatives(cut(best.tokens), cut(best.log_probs)),
        attention=None if made.attention is None else cut(made.attention),
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
