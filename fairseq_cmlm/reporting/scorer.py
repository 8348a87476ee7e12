"""Scores of translations."""

from __future__ import annotations

from typing import Optional, Sequence

from sacrebleu.metrics import BLEU, CHRF

from fairseq_cmlm.errors import OptionError


class Scorer:
    """sacreBLEU's BLEU and chrF, 0 to 100, against one text of references."""

    def __init__(self, tokenize: str, references: Sequence[str]) -> None:
        if tokenize not in BLEU.TOKENIZERS:
            raise OptionError(f"--tokenize {tokenize} is none of {', '.join(BLEU.TOKENIZERS)}")
        self._references = references
        # force: what comes tokenised shall be scored so.
        self._bleu = BLEU(tokenize=tokenize, force=True, references=[references])
        self._chrf = CHRF(references=[references])

    def bleu(self, texts: Sequence[str]) -> float:
        """BLEU of all translations."""
        score: float = self._bleu.corpus_score(texts, None).score
        return score

    def bleu_of(self, texts: Sequence[str], sentences: Sequence[int]) -> Optional[float]:
        """BLEU of the sentences of these numbers alone; None of none."""
        chosen = [[side[i] for i in sentences] for side in (texts, self._references)]
        return self._bleu.corpus_score(chosen[0], [chosen[1]]).score if sentences else None

    def chrf(self, texts: Sequence[str]) -> float:
        """The chrF of all translations."""
        score: float = self._chrf.corpus_score(texts, None).score
        return score

    def signatures(self) -> dict[str, str]:
        """Those of sacreBLEU."""
        return {"BLEU": str(self._bleu.get_signature()), "chrF": str(self._chrf.get_signature())}
