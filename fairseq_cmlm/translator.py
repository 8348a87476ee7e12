"""Translation of strings from Python."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence, Union

import numpy as np
import torch
from fairseq import utils

from fairseq_cmlm.errors import TextError
from fairseq_cmlm.plugin.decoding_options import NOTHING_GIVEN
from fairseq_cmlm.plugin.loading import FilePath, load_models, move
from fairseq_cmlm.plugin.subwords import Subwords


@dataclass(frozen=True)
class TracedPass:
    """The tokens that a pass read, and those that stood there after it; one for each position, `</s>` included."""

    read: list[str]
    written: list[str]


@dataclass(frozen=True)
class Candidate:
    """The translation of one length.

    length   tokens with `</s>`
    score    mean log-probability of the tokens, natural log
    passes   the passes made
    history  every pass, if asked for
    """

    length: int
    text: str
    score: float
    passes: int
    history: Optional[list[TracedPass]]


@dataclass(frozen=True)
class Translation:
    """The text and score of the best of the length candidates, and all of them, best first."""

    text: str
    score: float
    candidates: list[Candidate]


class Translator:
    """A trained model, or several whose probabilities are averaged, with the tokenisation and BPE around it."""

    def __init__(
        self,
        checkpoint: Union[FilePath, Sequence[FilePath]],
        data: Optional[FilePath] = None,
        *,
        source_lang: Optional[str] = None,
        target_lang: Optional[str] = None,
        tokenizer: Optional[str] = None,
        bpe_codes: Optional[FilePath] = None,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        """Load `checkpoint`, a file or the files of an ensemble.

        data         folder of the dict.*.txt; by default the checkpoint's own, or else the one it was trained on
        source_lang  and target_lang: needed where neither the checkpoint nor the files in `data` tell them
        tokenizer    "moses" or another of fairseq's; None if texts come in tokenised, and shall go out so
        bpe_codes    codes of subword_nmt, for a model of such subwords
        device       "cpu", "cuda", "cuda:1"
        dtype        --decoding-dtype: "float32", "bfloat16", "int8" (CPU), "float16" (GPU)
        """
        paths = [checkpoint] if isinstance(checkpoint, (str, os.PathLike)) else checkpoint
        self._task, self._models = load_models([Path(path) for path in paths], data, source_lang, target_lang)
        languages = (self._task.cfg.source_lang, self._task.cfg.target_lang)
        self._subwords = Subwords(tokenizer, bpe_codes, languages)
        self._device = move(self._models, device)
        self._dtype = dtype

    def translate(
        self,
        texts: Sequence[str],
        *,
        iterations: Optional[int] = None,
        length_beam: int = 5,
        strategy: Optional[str] = None,
        beam: int = 5,
        original: bool = False,
        preset: str = "full",
        history: bool = False,
        max_tokens: int = 2000,
    ) -> list[Translation]:
        """The translation of each of `texts`, in their order; of an empty text it is empty (but with `original`).

        iterations, length_beam, strategy, beam, original and preset are --decoding-iterations, --length-beam,
        --decoding-strategy, --beam, --original-decoding and --decoding-preset of fairseq-generate.

        history     keep what every pass read and wrote
        max_tokens  source tokens in a batch, padding included; the longest text fits always. It changes the speed and
                    the memory needed, not the translations
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TextError("texts must be a list of strings")
        options = Namespace(
            **{**NOTHING_GIVEN, "decoding_iterations": iterations, "decoding_strategy": strategy},
            length_beam=length_beam,
            beam=beam,
            original_decoding=original,
            decoding_preset=preset,
            decoding_dtype=self._dtype,
            gold_target_length=False,
            retain_iter_history=history,
        )
        generator = self._task.build_generator(self._models, options)
        found: dict[int, list[dict[str, Any]]] = {}
        for batch in self._batches(texts, max_tokens):
            batch = utils.apply_to_sample(lambda tensor: tensor.to(self._device), batch)
            hypotheses = self._task.inference_step(generator, self._models, batch)
            found.update(zip(batch["id"].tolist(), hypotheses))
        return [self._translation(found[i]) for i in range(len(texts))]

    def _batches(self, texts: Sequence[str], max_tokens: int) -> list[dict[str, Any]]:
        """`texts` as fairseq's samples, those of a like length together."""
        tokens, lengths = self._task.get_interactive_tokens_and_lengths(texts, self._subwords.source)
        limit = min(model.max_positions()[0] for model in self._models)
        for i, length in enumerate(lengths):
            if length > limit:
                raise TextError(
                    f"texts[{i}] has {length} tokens (</s> counts), and the model reads at most {limit}: shorten it"
                )
        dataset = self._task.build_dataset_for_inference(tokens, lengths)
        shortest_first = np.array(lengths, dtype=np.int64).argsort(kind="stable")
        batches = dataset.batch_by_size(shortest_first, max_tokens=max([max_tokens, *lengths]))
        return [dataset.collater([dataset[i] for i in batch]) for batch in batches]

    def _decode(self, tokens: torch.Tensor) -> str:
        return self._subwords.text(self._task.target_dictionary.string(tokens))

    def _translation(self, hypotheses: list[dict[str, Any]]) -> Translation:
        candidates = [self._candidate(hypothesis) for hypothesis in hypotheses]
        return Translation(candidates[0].text, candidates[0].score, candidates)

    def _candidate(self, hypothesis: dict[str, Any]) -> Candidate:
        states = hypothesis["history"]
        return Candidate(
            length=hypothesis["length"],
            text=self._decode(hypothesis["tokens"]),
            score=hypothesis["score"],
            passes=hypothesis["steps"],
            history=states
            and [
                TracedPass(self._words(read), self._words(written)) for read, written in zip(states[::2], states[1::2])
            ],
        )

    def _words(self, state: dict[str, torch.Tensor]) -> list[str]:
        return [self._task.target_dictionary[token] for token in state["tokens"].tolist()]
