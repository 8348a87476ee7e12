"""BLEU, of whole outputs and of any of their sentences, by sacreBLEU."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from sacrebleu.metrics import BLEU

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.measures.measure import Gold, Scale
from fairseq_cmlm.text.subword_marks import join_subwords

_ORDER = 4  # n-grams of 1 to 4 tokens


class Bleu:
    """BLEU, 0 to 100, against one or more reference texts, which are tokenised once for all outputs."""

    def __init__(
        self,
        references: Sequence[Sequence[Optional[str]]],
        tokenise: Optional[str] = None,
        tokenised: bool = False,
        language: str = "",
    ) -> None:
        """Take the reference texts; `tokenise`, `tokenised` and `language` are as in Gold."""
        self._references = references
        self._tokenise, self._language = tokenise, language
        self.metric = _metric(tokenise, trg_lang=language, force=tokenised, references=references)

    @property
    def signature(self) -> str:
        """Return sacreBLEU's signature, without the name of the measure."""
        return str(self.metric.get_signature())

    def score(self, texts: Sequence[str]) -> float:
        """Return the BLEU of all translations."""
        score: float = self.metric.corpus_score(texts, None).score
        return score

    def length_ratio(self, texts: Sequence[str]) -> float:
        """Return the tokens of all translations divided by those of the references closest in length."""
        score = self.metric.corpus_score(texts, None)
        return float(score.sys_len / score.ref_len) if score.ref_len else 0.0

    def counts(self, texts: Sequence[str]) -> BleuCounts:
        """Count the n-grams of each sentence once, to score subsets of them."""
        # Effective order keeps sacreBLEU from warning of single sentences; the counts are the same.
        metric = _metric(self._tokenise, trg_lang=self._language, force=True, effective_order=True)
        counted = []
        for i, text in enumerate(texts):
            one = metric.sentence_score(text, self._of(i))
            counted.append([one.sys_len, one.ref_len, *one.counts, *one.totals])
        return BleuCounts(counted)

    def of_sentence(self, number: int, texts: Sequence[str]) -> list[float]:
        """Return the BLEU of each of some translations of sentence `number`.

        Orders of n-grams for which a text is too short are left out (sacreBLEU's effective order).
        """
        metric = _metric(self._tokenise, trg_lang=self._language, force=True, effective_order=True)
        return [metric.sentence_score(text, self._of(number)).score for text in texts]

    def _of(self, number: int) -> list[str]:
        """Return the references of a sentence."""
        references = (reference[number] for reference in self._references)
        return [reference for reference in references if reference is not None]


class BleuCounts:
    """The n-gram counts of each sentence, from which BLEU is computed."""

    def __init__(self, counts: Sequence[Sequence[int]]) -> None:
        """Take one row per sentence: length, reference length, matching n-grams by n, and all n-grams by n."""
        self._counts = counts

    def bleu(self, sentences: Sequence[int]) -> Optional[float]:
        """Return the BLEU of the sentences with these numbers; None if there are none."""
        if not sentences:
            return None
        length, reference_length, *ngrams = map(sum, zip(*(self._counts[i] for i in sentences)))
        # The smoothing of corpus_score.
        score: float = BLEU.compute_bleu(
            ngrams[:_ORDER], ngrams[_ORDER:], length, reference_length, smooth_method="exp"
        ).score
        return score


def _metric(tokenise: Optional[str], **options: Any) -> Any:
    """Return sacreBLEU's BLEU; raise an OptionError if the tokenizer is unknown or not installed."""
    if tokenise is not None and tokenise not in BLEU.TOKENIZERS:
        raise OptionError(f"--tokenize {tokenise} is none of {', '.join(BLEU.TOKENIZERS)}")
    try:
        return BLEU(tokenize=tokenise, **options)
    except (ImportError, RuntimeError, OSError) as error:  # raised by tokenizers whose package or model is missing
        reason = " ".join(str(error).split())
        name = tokenise or f"of the language {options['trg_lang']}"
        raise OptionError(f"--tokenize {name} cannot be used: {reason}") from None


def bleu(gold: Gold) -> Scale:
    """Prepare the BLEU of the texts."""
    measure = Bleu(gold.references, gold.tokenise, gold.tokenised, gold.language)
    return Scale(lambda output: measure.score(output.texts), measure.signature, measure.metric)


def tokenised_bleu(gold: Gold) -> Optional[Scale]:
    """Prepare tokenised BLEU, of the words that a model wrote (paper, section 4.1, for EN-DE and EN-RO).

    Words are made by joining the subwords of subword-nmt or sentencepiece.
    """
    if gold.tokenised_reference is None:
        return None
    measure = Bleu([gold.tokenised_reference], "none", tokenised=True)
    return Scale(lambda output: measure.score([join_subwords(tokens) for tokens in output.tokens]), measure.signature)
