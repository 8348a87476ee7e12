"""The trace: the record of a decoding, from which everything that shows its passes is made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Callable, Iterator, NamedTuple, Optional

from torch import Tensor

from fairseq_cmlm.decoding.tokens import Alternatives

# Reasons for masking a position again, or not. A stopping rule adds its own for a token that it kept although the
# strategy had chosen it.
UNSURE, TAKEN_BACK, MASKED, KEPT, FINISHED = "unsure", "taken back", "masked", "kept", "finished"
GIVEN_UP, FROZEN = "given up", "given"


@dataclass(frozen=True)
class BatchPass:
    """One pass over n of the N rows.

    rows          (n,) int64 on the host, indices among the N rows
    read          (n, T) int64, input of the model, with the mask symbol at masked positions
    asked         (n, T) bool, masked positions, which were predicted
    tokens        (n, T) int64, tokens after the pass
    log_probs     (n, T) float32, log-probability of each token in the pass that predicted it, or by the planner,
                  natural log
    sureness      (n, T) float32, the strategy's ranking of the tokens: log_probs, or another order
    chosen        (n, T) bool, positions that the strategy chose to mask again; masked positions that are not among them
                  were never filled
    kept_by       reason -> (n, T) bool, chosen positions that a stopping rule kept
    remasked      (n, T) bool, positions masked for the next pass
    fillable      (n, T) bool, false at padding and at tokens given by the user
    given_up      (n,) bool, rows that lost against the other length candidates of their sentence
    real          (n, T) bool, false at padding
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
        """Yield each row of the pass with its index among the N."""
        for place, number in enumerate(self.rows.tolist()):
            yield number, _row_pass(self, place, int(self.real[place].sum()))


class RowPass(NamedTuple):
    """One pass of one row of n tokens, on the host.

    read, tokens  (n,) int64, tokens before and after
    log_probs     (n,) float32, natural log
    sureness      (n,) float32, higher is surer
    asked         (n,) bool, positions that were masked and predicted
    remasked      (n,) bool, positions masked for the next pass
    fillable      (n,) bool, false at tokens given by the user
    why           reason for masking each position again or not
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
        """Return the rank of each fillable token, 0 for the least sure; -1 for tokens given by the user."""
        order = self.sureness.masked_fill(~self.fillable, float("inf")).argsort(stable=True)
        return order.argsort().masked_fill(~self.fillable, -1).tolist()

    @property
    def score(self) -> float:
        """Return the mean log-probability of the tokens so far, natural log; those that are given are certain."""
        filled = self.fillable & self.log_probs.isfinite()
        return float(self.log_probs[filled].sum()) / max(1, int((filled | ~self.fillable).sum()))


@dataclass
class Trace:
    """The passes of a decoding, in order.

    alternatives  number of best tokens to keep for each position; 0 for none
    attention     whether to keep the attention of each position over the source
    watch         function called with each pass as soon as it is made; a search knows them only at its end
    candidates    K, the number of rows of a sentence, set by the decoder
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

    def kept(self, found: Optional[Alternatives]) -> Optional[Alternatives]:
        """Return as many of the alternatives of a pass as this trace shows, None if it shows none."""
        if found is None or not self.alternatives:
            return None
        return Alternatives(*(part[..., : self.alternatives] for part in found))

    def fetch(self) -> None:
        """Copy all passes to the host at once, where they are read value by value."""
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
    """Return for each position of a row why it was masked again or not."""
    if bool(made.given_up[place]):
        return [GIVEN_UP] * length
    # A row without masks is finished, which is why positions that the strategy had chosen were kept.
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
