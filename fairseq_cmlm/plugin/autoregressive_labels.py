"""The likelihood of labels under fairseq's autoregressive Transformer, for comparison with a masked model."""

from __future__ import annotations

from typing import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from fairseq_cmlm.plugin.autoregressive import Autoregressive
from fairseq_cmlm.plugin.encoded_texts import encoded_texts
from fairseq_cmlm.plugin.label_words import labelled_targets
from fairseq_cmlm.plugin.prepared_transformer import PreparedTransformer


class AutoregressiveLabels(PreparedTransformer):
    """A Transformer that is asked for the likelihood of labels."""

    def log_likelihoods(
        self, texts: Sequence[str], labels: Sequence[str], cut: bool = False, max_tokens: int = 4000
    ) -> tuple[list[list[float]], int]:
        """Return the log-likelihood of each label for each text, natural log, and the number of texts that were cut.

        The arguments are those of `Classifier.classify`.
        """
        source, target = self._task.source_dictionary, self._task.target_dictionary
        longest = self._model.encoder.max_positions(), self._model.decoder.max_positions()
        targets = labelled_targets(labels, self._text.target, target, longest[1])
        rows = [torch.tensor(one.tokens) for one in targets]
        tokens = pad_sequence(rows, batch_first=True, padding_value=target.pad()).to(self._device)
        real = tokens.ne(target.pad())
        found: dict[int, list[float]] = {}
        encoded = encoded_texts(texts, self._text.source, source, longest[0], cut)
        judge = Autoregressive(self._model, target.eos())
        for numbers, batch in encoded.batches(max_tokens, self._device):
            size = len(numbers)
            read = judge.read(batch, len(labels))
            log_probs = read(tokens.repeat(size, 1), real.repeat(size, 1), int(real.sum()) * size, None)
            found.update(zip(numbers, log_probs.sum(1).view(size, len(labels)).tolist()))
        return [found[number] for number in range(len(texts))], sum(size > 0 for size in encoded.cut)
