"""The history of a decoding, pass by pass in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, Optional

import numpy as np

from fairseq_cmlm.runtime.arrays import Array
from fairseq_cmlm.runtime.lengths import log_softmax
from fairseq_cmlm.runtime.manifest import Symbols
from fairseq_cmlm.runtime.refine import MadePass
from fairseq_cmlm.runtime.words import Words
from fairseq_cmlm.translation import TracedPass

Best = list[list[tuple[str, float]]]


@dataclass(frozen=True)
class Historian:
    """A converter of passes into words.

    text          the text of target ids
    alternatives  how many of the best tokens to tell; 0 for none
    """

    words: Words
    symbols: Symbols
    text: Callable[[Array], str]
    alternatives: int

    def told(self, made: MadePass, lengths: Array) -> Iterator[tuple[int, TracedPass]]:
        """Yield the rows of a pass, each with its number among the candidates, of `lengths` (K,) tokens in all."""
        best = self._best(made)
        for row, number in enumerate(made.rows.tolist()):
            yield number, self._row(made, row, int(lengths[number]), best)

    def _row(self, made: MadePass, row: int, length: int, best: Optional[list[Best]]) -> TracedPass:
        parts = (made.read, made.tokens, made.log_probs, made.fillable)
        read, tokens, log_probs, fillable = (part[row, :length] for part in parts)
        order = np.where(fillable, log_probs, np.inf).argsort(kind="stable")
        return TracedPass(
            read=self.words.named(read),
            written=self.words.named(tokens),
            predicted=made.asked[row, :length].tolist(),
            text=self.text(tokens),
            probabilities=np.exp(log_probs).tolist(),
            masked_again=made.remasked[row, :length].tolist(),
            ranks=np.where(fillable, order.argsort(kind="stable"), -1).tolist(),
            why=_reasons(made, row, length),
            alternatives=[] if best is None else best[row][:length],
            attention=[],
            score=float(log_probs[fillable].sum() / len(fillable)),
        )

    def _best(self, made: MadePass) -> Optional[list[Best]]:
        """Return the best tokens of each row and position and their probabilities; none where nothing was predicted."""
        if made.logits is None:
            return None
        found: list[Best] = [[[] for _ in row] for row in made.tokens]
        log_probs = log_softmax(made.logits)
        for row, place, probabilities in zip(*np.nonzero(made.asked), log_probs):
            end = self.symbols.eos
            if made.tokens[row, place] == end:
                found[row][place] = [(self.words.named([end])[0], float(np.exp(probabilities[end])))]
                continue
            probabilities[[self.symbols.bos, self.symbols.pad, end, self.symbols.mask]] = -np.inf
            best = np.argsort(-probabilities, kind="stable")[: self.alternatives]
            pairs = zip(self.words.named(best), np.exp(probabilities[best]).tolist())
            found[row][place] = [(word, probability) for word, probability in pairs if probability > 0]
        return found


def _reasons(made: MadePass, row: int, length: int) -> list[str]:
    """Return for each position of a row why it was masked again or not, in the words of `TracedPass`."""
    if made.given_up[row]:
        return ["given up"] * length
    end = "kept" if made.remasked[row].any() else "finished"
    why = []
    for here in ((row, place) for place in range(length)):
        if not made.fillable[here]:
            why.append("given")
        elif made.remasked[here]:
            why.append(("unsure" if made.asked[here] else "taken back") if made.chosen[here] else "masked")
        else:
            why.append(next((reason for reason, kept in made.kept_by.items() if kept[here]), end))
    return why
