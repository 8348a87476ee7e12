"""Scores of whole outputs against references, as the row of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

from sacrebleu.metrics import BLEU, CHRF

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.evaluation.generated import Translation, all_in_order, read_generated, read_lines
from fairseq_cmlm.evaluation.repetition import repeated_tokens
from fairseq_cmlm.markdown import markdown_table

_SUBWORD_END = re.compile(r"@@( |$)")


@dataclass(frozen=True)
class Measure:
    """A score, 0 to 100, and its sacreBLEU signature."""

    score: float
    signature: str


@dataclass(frozen=True)
class Score:
    """What an output is worth.

    bleu, chrf  of the text
    tokenised   BLEU of the words that the model wrote against a tokenised reference; None without one
    repeated    tokens that repeat the one before, in percent
    """

    bleu: Measure
    chrf: Measure
    tokenised: Optional[Measure]
    repeated: float


def score_output(
    output: Path, references: Sequence[Path], tokenizer: Optional[str], tokenised_reference: Optional[Path] = None
) -> Score:
    """Score the output of fairseq-generate against one or more reference texts, line by line.

    tokenizer            of sacreBLEU's BLEU; None is its default (13a)
    tokenised_reference  the words of a reference as in the training text, before BPE
    """
    paths = [*references, *([tokenised_reference] if tokenised_reference else [])]
    texts = [read_lines(path) for path in paths]
    for path, lines in zip(paths, texts):
        if len(lines) != len(texts[0]):
            raise TextError(f"{path} has {len(lines)} lines and {references[0]} {len(texts[0])}")
    translations = all_in_order(read_generated(read_lines(output), str(output)), len(texts[0]), str(output))
    hypotheses = [translation.text for translation in translations]
    return Score(
        bleu=_measure(BLEU(tokenize=tokenizer), hypotheses, texts[: len(references)]),
        chrf=_measure(CHRF(), hypotheses, texts[: len(references)]),
        tokenised=_tokenised_bleu(translations, texts[-1]) if tokenised_reference else None,
        repeated=repeated_tokens([translation.tokens for translation in translations]),
    )


def _measure(metric: BLEU | CHRF, hypotheses: list[str], references: list[list[str]]) -> Measure:
    score = metric.corpus_score(hypotheses, references).score
    return Measure(score, str(metric.get_signature()))


def _tokenised_bleu(translations: Sequence[Translation], words: list[str]) -> Measure:
    """BLEU of the tokens with subword-nmt's subwords joined (paper, section 4.1, for EN-DE and EN-RO)."""
    written = [_SUBWORD_END.sub("", " ".join(translation.tokens)) for translation in translations]
    # Forced, for sacreBLEU warns of tokens in what it scores.
    return _measure(BLEU(tokenize="none", force=True), written, [words])


def score_table(
    outputs: Sequence[Path],
    references: Sequence[Path],
    tokenizer: Optional[str] = None,
    tokenised_reference: Optional[Path] = None,
) -> str:
    """A Markdown table with a row for each output, and the signatures beneath it."""
    scores = [score_output(output, references, tokenizer, tokenised_reference) for output in outputs]
    columns = {"output": [output.stem for output in outputs]}
    columns["BLEU"] = [f"{score.bleu.score:.1f}" for score in scores]
    columns["chrF"] = [f"{score.chrf.score:.1f}" for score in scores]
    columns["repeated tokens %"] = [f"{score.repeated:.2f}" for score in scores]
    signatures = [f"BLEU {scores[0].bleu.signature}", f"chrF {scores[0].chrf.signature}"]
    tokenised = [score.tokenised for score in scores if score.tokenised]
    if tokenised:
        columns["tokenised BLEU"] = [f"{measure.score:.2f}" for measure in tokenised]
        signatures.append(f"tokenised BLEU {tokenised[0].signature}")
    return "\n".join([markdown_table(list(columns), list(zip(*columns.values()))), "", *signatures])
