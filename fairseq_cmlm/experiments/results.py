"""The data of tables: cells, and what they are scored against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Mapping, Optional, Sequence

from fairseq_cmlm.decoding.chrf import sentence_chrf
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments.case import Case
from fairseq_cmlm.experiments.cells import Cell
from fairseq_cmlm.experiments.subject import Subject
from fairseq_cmlm.measures.bleu import Bleu
from fairseq_cmlm.measures.measure import Gold, Output, Scale
from fairseq_cmlm.measures.significance import Difference, differences
from fairseq_cmlm.measures.table import MEASURES
from fairseq_cmlm.render.table import Row


@dataclass(frozen=True)
class Results:
    """The cells by case.

    pair  "source-target"
    gold  what they are scored against
    """

    subject: Subject
    pair: str
    gold: Gold
    cells: Mapping[Case, Cell]

    def score(self, measure: str, case: Case) -> Optional[float]:
        """Return the score of a case by one of MEASURES."""
        return self.score_of(measure, self.cells[case].output)

    def measured(self, case: Case, output: Output, baseline: Optional[Case]) -> Row:
        """Return the entries of a row for an output of `case`: scores, difference of BLEU from the baseline, cost."""
        cell, decoding = self.cells[case], case.decoding
        # A verification reads all its proposals in each pass, and tells the passes alone.
        counted = isinstance(decoding, Decoding) and decoding.verify_with is None
        other = baseline is not None and output.texts != self.cells[baseline].texts
        return {
            "BLEU": self.score_of("bleu", output),
            "difference": str(self.difference("bleu", output, baseline)) if other and baseline else None,
            "chrF": self.score_of("chrf", output),
            "repeated %": self.score_of("repetition", output) if output.tokens else None,
            "passes": self.passes(case),
            "tokens a pass": self.tokens_per_pass(case),
            "rows": cell.all_passes if counted else None,
            "seconds": sum(cell.rounds),
        }

    def bleu_of(self, case: Case, groups: Sequence[Sequence[int]]) -> list[Optional[float]]:
        """Return the BLEU of each group of sentence numbers; None for an empty group."""
        counts = self._bleu.counts(self.cells[case].texts)
        return [counts.bleu(group) for group in groups]

    def oracle(self, case: Case) -> Output:
        """Return the candidates of a case that are most like the references, by chrF of each sentence.

        No decoding can choose so without references; it shows how much a better choice could gain.
        """
        cell = self.cells[case]
        texts = []
        for best, others, *references in zip(cell.texts, cell.others, *self.gold.references):
            texts.append(max([best, *others], key=lambda text: max(sentence_chrf(text, one) for one in references)))
        return Output(texts, [])

    def score_of(self, measure: str, output: Output) -> Optional[float]:
        """Return the score of an output by one of MEASURES."""
        return self._scales[measure].score(output)

    def difference(self, measure: str, output: Output, baseline: Case) -> Difference:
        """Return the difference of an output's score, `bleu` or `chrf`, from that of a case."""
        return differences(self._scales[measure].metric, self.cells[baseline].texts, [output.texts])[0]

    def passes(self, case: Case) -> float:
        """Return the passes of the decoder for a sentence, one after the other, mean."""
        return self.cells[case].passes_in_turn

    def tokens_per_pass(self, case: Case) -> float:
        """Return the tokens of the best translations for each of their passes."""
        return self.cells[case].tokens_per_pass

    @property
    def signatures(self) -> dict[str, str]:
        """Return the signatures of BLEU and chrF."""
        return {MEASURES[name].title: self._scales[name].signature for name in ("bleu", "chrf")}

    @cached_property
    def _scales(self) -> dict[str, Scale]:
        scales = {name: measure.scale(self.gold) for name, measure in MEASURES.items()}
        return {name: scale for name, scale in scales.items() if scale is not None}

    @cached_property
    def _bleu(self) -> Bleu:
        return Bleu(self.gold.references, self.gold.tokenise, self.gold.tokenised, self.gold.language)


def figure(theirs: Mapping[int, float], case: Case) -> Optional[float]:
    """Return the paper's figure after as many passes as the case has, if there is one."""
    return theirs.get(getattr(case.decoding, "iterations", -1))
