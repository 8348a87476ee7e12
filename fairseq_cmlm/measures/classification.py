"""Measures of classification: accuracy, macro-F1, the confusion matrix and calibration.

`details` of the Gold hold the labels of each text, in the order of its label scores.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Optional, Sequence

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.measures.measure import Gold, Output, Scale


def labels_of(gold: Gold) -> Optional[list[str]]:
    """Return the labels to choose from; None if the texts have none, or different ones."""
    found = [each.get("labels") for each in gold.details or ()]
    return list(found[0]) if found and found[0] and all(each == found[0] for each in found) else None


def accuracy(gold: Gold) -> Scale:
    """Prepare the share of answers that equal one of their references exactly, in percent."""
    wanted = [set(each) for each in zip(*gold.references)]
    return Scale.of_each(lambda output: [*map(set.__contains__, wanted, output.texts)], len(wanted))


def macro_f1(gold: Gold) -> Optional[Scale]:
    """Prepare the mean F1 over the labels, in percent, by scikit-learn."""
    labels = labels_of(gold)
    if labels is None:
        return None
    from sklearn import __version__
    from sklearn.metrics import f1_score

    def score(output: Output) -> float:
        return 100 * float(
            f1_score(gold.references[0], output.texts, labels=labels, average="macro", zero_division=0.0)
        )

    return Scale(score, f"scikit-learn:{__version__}|labels:{len(labels)}")


def confusion(gold: Sequence[str], answers: Sequence[str], labels: Sequence[str]) -> list[list[int]]:
    """Count the texts by right label (row) and answer (column); answers that are no label are left out.

    >>> confusion(["a", "a", "b"], ["a", "b", "c"], ["a", "b"])
    [[1, 1], [0, 0]]
    """
    counts = [[0] * len(labels) for _ in labels]
    place = {label: i for i, label in enumerate(labels)}
    for right, answer in zip(gold, answers):
        if right in place and answer in place:
            counts[place[right]][place[answer]] += 1
    return counts


def _error(gold: Gold, calibrated: bool) -> Optional[Scale]:
    """Prepare the expected calibration error, in percent; `calibrated` divides by the temperature of the output."""
    from fairseq_cmlm.measures.calibration import BINS, calibration_error, probabilities

    labels = labels_of(gold)
    if labels is None:
        return None
    right: Any = [labels.index(str(one)) for one in gold.references[0]]

    def score(output: Output) -> Optional[float]:
        scores: Any = output.label_scores
        if scores is None or (calibrated and output.temperature is None):
            return None
        if any(len(each) != len(labels) for each in scores):
            raise TextError(f"an output has not the scores of {len(labels)} labels in each line L-: make it again")
        temperature = output.temperature if calibrated and output.temperature else 1.0
        return 100 * calibration_error(probabilities(scores, temperature), right)

    return Scale(score, f"bins:{BINS}|temperature:{'fitted' if calibrated else 1}")


def temperature(gold: Gold) -> Scale:
    """Prepare the temperature that was fitted, by which Classifier.classify(temperature=...) divides label scores."""
    return Scale(lambda output: output.temperature)


calibration_error = partial(_error, calibrated=False)
calibrated_error = partial(_error, calibrated=True)
