from __future__ import annotations

import random

import pytest
from sacrebleu.metrics import BLEU

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.measures.bleu import Bleu

RANDOM = random.Random(1)


def text(sentences: int) -> list[str]:
    """Sentences of 0 to 12 words out of few, some with punctuation that 13a splits."""
    words = ["a", "b", "c.", "d,", "e"]
    return [" ".join(RANDOM.choices(words, k=RANDOM.randint(0, 12))) for _ in range(sentences)]


@pytest.mark.parametrize("tokenise", [None, "none", "char", "intl"])
@pytest.mark.parametrize("references", [1, 3])
def test_a_subset_is_scored_as_sacrebleu_scores_it_alone(tokenise: str, references: int) -> None:
    texts, golds = text(40), [text(40) for _ in range(references)]
    measure = Bleu(golds, tokenise, tokenised=True)
    counts = measure.counts(texts)
    plain = BLEU(tokenize=tokenise, force=True)
    assert measure.score(texts) == plain.corpus_score(texts, golds).score == counts.bleu(range(40))
    assert measure.signature == str(plain.get_signature())
    for chosen in ([3], [0, 1, 2], [39, 5, 5], list(range(20))):
        alone = [texts[i] for i in chosen], [[gold[i] for i in chosen] for gold in golds]
        assert counts.bleu(chosen) == plain.corpus_score(*alone).score
    assert counts.bleu([]) is None


def test_a_sentence_is_tokenised_as_its_corpus_is() -> None:
    measure = Bleu([["我们今天去学校"]], language="zh")
    texts = ["我们今天去学校", "我们今天去公园"]
    assert measure.of_sentence(0, texts) == [measure.score([text]) for text in texts]
    assert measure.of_sentence(0, texts)[0] == pytest.approx(100)


@pytest.mark.parametrize("tokenise", ["foo", "13A", ""])
def test_an_unknown_tokenizer_is_named_with_those_there_are(tokenise: str) -> None:
    with pytest.raises(OptionError, match=f"^--tokenize {tokenise} is none of none, zh, 13a, intl, char, ja-mecab"):
        Bleu([["a"]], tokenise)
