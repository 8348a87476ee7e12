"""Classification from Python: the most likely of a few labels as the target of a text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Sequence

import torch

from fairseq_cmlm.errors import OptionError
from fairseq_cmlm.inference.labels import label_canvases, label_log_likelihoods
from fairseq_cmlm.plugin.encoded_texts import encoded_texts
from fairseq_cmlm.plugin.label_words import labelled_targets
from fairseq_cmlm.translator import Translator


@dataclass(frozen=True)
class Classification:
    """The classification of a text.

    label            the most probable label
    probabilities    probability of each label; they sum to 1
    log_likelihoods  log-likelihood of each label as the text's target, natural log
    cut              number of tokens cut off the end of the text
    """

    label: str
    probabilities: dict[str, float]
    log_likelihoods: dict[str, float]
    cut: int


class Classifier(Translator):
    """A trained model, or several, that classifies by the likelihood of labels. It can also translate."""

    def classify(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        temperature: float = 1.0,
        cut: bool = False,
        max_tokens: int = 4000,
    ) -> list[Classification]:
        """Classify each of `texts` by the likeliest of `labels`, comparing all of them in one decoder pass.

        labels       targets as in training: "positive", or `The review is positive .`; words that all labels share at
                     the beginning or the end are given to the model
        temperature  divisor of the log-likelihoods; `fairseq-cmlm choose --calibrate-on` fits it
        cut          cut texts that are too long, which raise a TextError otherwise
        max_tokens   source tokens in a batch, padding included
        """
        if not 0 < temperature < math.inf:
            raise OptionError(f"temperature {temperature} must be above 0")
        most = [min(sizes) for sizes in zip(*(model.max_positions() for model in self._models))]
        target = self._task.target_dictionary
        targets = labelled_targets(labels, self._text.target, target, most[1])
        canvases = label_canvases(targets, self._task.symbols.mask, target.pad()).to(self._device)
        learned = self._task.longest and self._task.longest[0]
        encoded = encoded_texts(texts, self._text.source, self._task.source_dictionary, most[0], cut, learned)
        models: Any = [model.eval() for model in self._models]
        found: dict[int, torch.Tensor] = {}
        for numbers, source in encoded.batches(max_tokens, self._device):
            found.update(zip(numbers, label_log_likelihoods(models, source, canvases).cpu()))
        return [_classification(labels, found[i], temperature, left_out) for i, left_out in enumerate(encoded.cut)]


def _classification(labels: Sequence[str], scores: torch.Tensor, temperature: float, cut: int) -> Classification:
    probabilities = (scores / temperature).softmax(dim=0).tolist()
    label = labels[int(scores.argmax())]
    return Classification(label, dict(zip(labels, probabilities)), dict(zip(labels, scores.tolist())), cut)
