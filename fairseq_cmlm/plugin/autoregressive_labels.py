"""The likelihood of labels under fairseq's autoregressive Transformer, beside which a masked model is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Sequence

import torch
from fairseq import utils
from torch.nn.utils.rnn import pad_sequence

from fairseq_cmlm.files import FilePath
from fairseq_cmlm.plugin.autoregressive import Autoregressive, load_transformer
from fairseq_cmlm.plugin.encoded_texts import encoded_texts
from fairseq_cmlm.plugin.label_words import labelled_targets
from fairseq_cmlm.plugin.loading import move
from fairseq_cmlm.text.pipeline_file import FILE_NAME, read_pipeline


class AutoregressiveLabels:
    """A Transformer that is asked for the likelihood of labels.

    Its checkpoint does not tell how text is prepared for it: a text.json in the folder of its data does, or another.
    """

    def __init__(
        self,
        checkpoint: Path,
        data: Optional[Path],
        languages: tuple[Optional[str], Optional[str]],
        text_pipeline: Optional[FilePath],
        device: str,
    ) -> None:
        self._task, self._model = load_transformer(checkpoint, data, languages, "the checkpoint")
        self._device = move([self._model], device)
        cfg = self._task.cfg
        file = Path(text_pipeline or Path(utils.split_paths(cfg.data)[0], FILE_NAME))
        self._text = read_pipeline(file).between(cfg.source_lang, cfg.target_lang)

    def log_likelihoods(
        self, texts: Sequence[str], labels: Sequence[str], cut: bool = False, max_tokens: int = 4000
    ) -> tuple[list[list[float]], int]:
        """Return the log-likelihood of each label for each text, natural log, and how many texts were cut.

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
