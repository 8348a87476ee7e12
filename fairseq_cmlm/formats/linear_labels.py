"""The simple classifier: TF-IDF of words and pairs of words, and logistic regression, by scikit-learn."""

from __future__ import annotations

from typing import Any, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.formats.chosen import Chosen
from fairseq_cmlm.formats.example import Example


class LinearLabels:
    """A linear bag-of-words model, trained on examples."""

    def __init__(self, train: Sequence[Example]) -> None:
        from sklearn import __version__
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        labels = [example.references[0] for example in train]
        if len(set(labels)) < 2:
            raise TextError(f"the training examples have the label {labels[0]} alone: nothing can be learned")
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")
        self._model: Any = make_pipeline(words, LogisticRegression(C=10.0, max_iter=1000))
        try:
            self._model.fit([example.source for example in train], labels)
        except ValueError as error:  # the texts have no words
            raise TextError(f"nothing can be learned from the training texts ({error})") from None
        self.signature = f"tf-idf of 1 and 2 words or marks, logistic regression|C:10|scikit-learn:{__version__}"

    def __call__(self, examples: Sequence[Example]) -> Chosen:
        """Choose a label for each example; labels that training never saw are never chosen."""
        known = {label: i for i, label in enumerate(self._model.classes_)}
        log_probs = self._model.predict_log_proba([example.source for example in examples])
        wanted = examples[0].details["labels"]
        # A label of no training example is a little less likely than all others: were it impossible, one such example
        # would decide about the temperature that is fitted to all.
        scores = [
            [float(row[known[label]] if label in known else row.min() - 1) for label in wanted] for row in log_probs
        ]
        return Chosen([wanted[row.index(max(row))] for row in scores], scores)
