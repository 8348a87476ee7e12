"""What the tables are made of: the cells, and what they are scored against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

from fairseq_cmlm.measures.length_accuracy import gold_length_found
from fairseq_cmlm.measures.repetition import repeated_tokens
from fairseq_cmlm.reporting.cells import Case, Cell
from fairseq_cmlm.reporting.scorer import Scorer

AUTOREGRESSIVE = "autoregressive"
LENGTH_BEAM = 5  # that of the paper, where nothing else is said


@dataclass(frozen=True)
class Systems:
    """Names: of the model that the report is about, of those compared with it; and whether there is a teacher."""

    model: str
    compared: Sequence[str] = ()
    teacher: bool = False

    def masked(self, *iterations: int) -> list[Case]:
        """The model after each of these numbers of passes."""
        return [Case(self.model, passes, LENGTH_BEAM) for passes in iterations]

    def beam_search(self) -> list[Case]:
        """The autoregressive baseline, greedy and with beam 5, if there is one."""
        return [Case(AUTOREGRESSIVE, None, beam) for beam in (1, 5)] if self.teacher else []


@dataclass(frozen=True)
class Results:
    """The cells by case.

    pair          "source-target"
    gold_lengths  of the references in subwords, with `</s>`
    """

    systems: Systems
    pair: str
    gold_lengths: Sequence[int]
    scorer: Scorer
    cells: Mapping[Case, Cell]

    def bleu(self, case: Case) -> float:
        """BLEU, 0 to 100."""
        return self.scorer.bleu(self.cells[case].texts)

    def bleu_of(self, case: Case, sentences: Sequence[int]) -> Optional[float]:
        """BLEU of the sentences of these numbers alone; None of none."""
        return self.scorer.bleu_of(self.cells[case].texts, sentences)

    def chrf(self, case: Case) -> float:
        """chrF, 0 to 100."""
        return self.scorer.chrf(self.cells[case].texts)

    def repeated(self, case: Case) -> float:
        """Repeated subwords in percent."""
        return repeated_tokens(self.cells[case].tokens)

    def passes(self, case: Case) -> float:
        """Of the decoder, for a sentence's best translation, mean."""
        passes = self.cells[case].passes
        return sum(passes) / len(passes)

    def length_accuracy(self, case: Case) -> float:
        """How often the reference's length is among the candidates, in percent."""
        return gold_length_found(self.cells[case].lengths, self.gold_lengths)
