"""Cells: the results of cases. A report keeps them on disk, so that it can resume after an interruption."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.systems.system import Decoded
from fairseq_cmlm.experiments.timing import Timing
from fairseq_cmlm.files import write_text
from fairseq_cmlm.measures.measure import Output
from fairseq_cmlm.text.subword_marks import join_subwords

CELLS = 2  # the form of a cell; another one where what its fields mean has changed


@dataclass(frozen=True)
class Cell:
    """The result of a case, sentence by sentence in the order of the text.

    texts    the best translations, as scored
    tokens   the same as the model wrote them (subwords)
    lengths  of all candidates or hypotheses, `</s>` included, best first
    passes   of the decoder, for each of them
    seconds  of each batch in each round
    peer     seconds of each round of the autoregressive baseline, if it was timed beside
    others   texts of the candidates or hypotheses after the best one, where they are known
    in_turn  passes made one after the other for each sentence
    """

    texts: list[str]
    tokens: list[list[str]]
    lengths: list[list[int]]
    passes: list[list[int]]
    seconds: list[list[float]]
    peer: list[float] = field(default_factory=list)
    others: list[list[str]] = field(default_factory=list)
    in_turn: list[int] = field(default_factory=list)

    @property
    def rounds(self) -> list[float]:
        """Return the seconds of each round."""
        return [sum(batches) for batches in self.seconds]

    @property
    def passes_in_turn(self) -> float:
        """Return the mean passes of a sentence, one after the other."""
        return sum(self.in_turn) / len(self.in_turn)

    @property
    def all_passes(self) -> float:
        """Return the mean passes of all candidates of a sentence together."""
        return sum(map(sum, self.passes)) / len(self.passes)

    @property
    def tokens_per_pass(self) -> float:
        """Return the tokens of the best translations, `</s>` included, per pass."""
        return sum(lengths[0] for lengths in self.lengths) / max(sum(self.in_turn), 1)

    @property
    def output(self) -> Output:
        """Return the output in the form that measures read."""
        return Output(self.texts, self.tokens, self.lengths)


def cell_of(
    timing: Timing[Decoded], order: Sequence[int], join: Callable[[Sequence[str]], str] = join_subwords
) -> Cell:
    """Convert timed decodings into a cell.

    order  the number, in the text, of each sentence that was decoded
    join   subwords to text
    """
    done = [one for _, one in sorted(zip(order, timing.done), key=lambda pair: pair[0])]
    tokens, lengths, passes, others = ([list(part) for part in parts] for parts in list(zip(*done))[:4])
    texts, other_texts = [join(one) for one in tokens], [[join(one) for one in row] for row in others]
    in_turn = [one.passes[0] if one.in_turn is None else one.in_turn for one in done]
    return Cell(texts, tokens, lengths, passes, timing.latencies, others=other_texts, in_turn=in_turn)


class CellStore:
    """The cells in a folder, each a file named by its settings and the hash of all that its content depends on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, case: Case, identity: Mapping[str, Any]) -> Path:
        """Return the path of the cell of `case`; `identity` holds what it depends on beside the decoding, as JSON."""
        everything = json.dumps(
            [type(case.decoding).__name__, asdict(case.decoding), case.timed, identity], sort_keys=True
        )
        digest = hashlib.sha256(everything.encode()).hexdigest()[:16]
        return self._folder / f"{case.settings[:150]},{digest}.json"

    def load(self, case: Case, identity: Mapping[str, Any]) -> Optional[Cell]:
        """Return the cell if it exists, else None."""
        path = self.path(case, identity)
        try:
            return Cell(**json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, TypeError, ValueError) as error:
            raise TextError(f"{path} is no cell of a report ({error}): remove it") from None

    def save(self, case: Case, identity: Mapping[str, Any], cell: Cell) -> None:
        """Save the cell."""
        write_text(self.path(case, identity), json.dumps(asdict(cell), ensure_ascii=False))
