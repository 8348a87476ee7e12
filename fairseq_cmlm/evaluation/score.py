"""Scores of whole outputs against references, as the row of a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

from sacrebleu.metrics import BLEU, CHRF

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.evaluation.generated import all_in_order, read_generated, read_lines
from fairseq_cmlm.evaluation.repetition import repeated_tokens


@dataclass(frozen=True)
class Score:
    """BLEU and chrF, 0 to 100, with their sacreBLEU signatures, and the repeated tokens in percent."""

    bleu: float
    chrf: float
    repeated: float
    bleu_signature: str
    chrf_signature: str


def score_output(output: Path, references: Sequence[Path], tokenizer: Optional[str]) -> Score:
    """Score the output of fairseq-generate against one or more reference texts, line by line.

    tokenizer  of sacreBLEU's BLEU; None is its default (13a)
    """
    texts = [read_lines(path) for path in references]
    for path, lines in zip(references, texts):
        if len(lines) != len(texts[0]):
            raise TextError(f"{path} has {len(lines)} lines and {references[0]} {len(texts[0])}")
    translations = all_in_order(read_generated(read_lines(output), str(output)), len(texts[0]), str(output))
    hypotheses = [translation.text for translation in translations]
    bleu, chrf = BLEU(tokenize=tokenizer), CHRF()
    return Score(
        bleu=bleu.corpus_score(hypotheses, texts).score,
        chrf=chrf.corpus_score(hypotheses, texts).score,
        repeated=repeated_tokens([translation.tokens for translation in translations]),
        bleu_signature=str(bleu.get_signature()),
        chrf_signature=str(chrf.get_signature()),
    )


def score_table(outputs: Sequence[Path], references: Sequence[Path], tokenizer: Optional[str] = None) -> str:
    """A Markdown table with a row for each output, and the signatures beneath it."""
    scores = [score_output(output, references, tokenizer) for output in outputs]
    rows = ["| output | BLEU | chrF | repeated tokens % |", "|---|---|---|---|"]
    for output, score in zip(outputs, scores):
        rows.append(f"| {output.stem} | {score.bleu:.1f} | {score.chrf:.1f} | {score.repeated:.2f} |")
    return "\n".join([*rows, "", f"BLEU {scores[0].bleu_signature}", f"chrF {scores[0].chrf_signature}"])
