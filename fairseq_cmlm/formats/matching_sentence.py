"""The simple answer to a question: the sentence of the text that has most in common with it, by scikit-learn."""

from __future__ import annotations

import re
from typing import Any, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.chosen import Chosen
from fairseq_cmlm.formats.example import Example
from fairseq_cmlm.formats.question_answering import context_of, question_of

_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"'”’])\s+")


class MatchingSentence:
    """A baseline by the cosine of TF-IDF vectors, with weights from the training texts."""

    def __init__(self, train: Sequence[Example]) -> None:
        from sklearn import __version__
        from sklearn.feature_extraction.text import TfidfVectorizer

        contexts = dict.fromkeys(map(context_of, train))
        sentences = [sentence for context in contexts for sentence in sentences_of(context)]
        self._words: Any = TfidfVectorizer(sublinear_tf=True, stop_words="english")
        try:
            self._words.fit(sentences)
        except ValueError as error:  # no words, or none but the most common ones
            raise TextError(f"no words of the training texts can be compared with a question ({error})") from None
        self.signature = f"best-matching sentence, cosine of tf-idf|scikit-learn:{__version__}"

    def __call__(self, examples: Sequence[Example]) -> Chosen:
        """Choose a sentence for each example; the first one if none shares a word with the question."""
        return Chosen([self._best(question_of(example), sentences_of(context_of(example))) for example in examples])

    def _best(self, question: str, sentences: list[str]) -> str:
        alike = (self._words.transform(sentences) @ self._words.transform([question]).T).toarray()
        return sentences[int(alike.argmax())]


def sentences_of(text: str) -> list[str]:
    """Split a text where a sentence ends.

    >>> sentences_of('He left. "Why?" she asked! So.')
    ['He left.', '"Why?"', 'she asked!', 'So.']
    """
    return _SENTENCE_ENDS.split(text)
