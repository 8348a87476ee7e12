"""Translation of strings from Python."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence, Union

import numpy as np
import torch
from fairseq import utils

from fairseq_cmlm import plugin  # noqa: F401  registers the task and the model
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.template import Template
from fairseq_cmlm.decoding.trace import RowPass
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.files import FilePath
from fairseq_cmlm.inference.likelihood import likelihood_bound
from fairseq_cmlm.plugin.blanks import WithTemplates
from fairseq_cmlm.plugin.loading import load_models, move
from fairseq_cmlm.plugin.subwords import Subwords


@dataclass(frozen=True)
class TracedPass:
    """One pass over a candidate of n tokens, `</s>` included; each list has an entry for each of them.

    read, written   the tokens before and after the pass; `<mask>` where the model had to predict
    probabilities   of the written tokens, each in the pass that predicted it
    masked_again    whether the token was masked for the next pass
    ranks           of the tokens by their probability, 0 for the least sure; -1 for what the user has fixed
    why             masked again: `unsure` (predicted in this pass, among the least sure), `taken back` (filled before,
                    and now among the least sure), `masked` (never filled yet); or not: `kept`, `finished`, `given`
                    (fixed by the user), `given up` (the candidate lost), or the stopping rule that kept it: `sure`,
                    `unchanged`
    alternatives    the best tokens and their probabilities, the written one among them, where this pass predicted; for
                    a token that is taken back see the pass that predicted it. Empty unless asked for
    score           mean log-probability of the candidate so far, natural log
    """

    read: list[str]
    written: list[str]
    probabilities: list[float]
    masked_again: list[bool]
    ranks: list[int]
    why: list[str]
    alternatives: list[list[tuple[str, float]]]
    score: float


@dataclass(frozen=True)
class Candidate:
    """The translation of one length.

    length   tokens with `</s>`
    score    mean log-probability of the tokens and the length's part in it, natural log
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


@dataclass(frozen=True)
class Likelihood:
    """How likely a given translation is, natural log.

    bound   an upper bound, estimated, of the negative log-likelihood of the translation, its length included
    tokens  the number of its tokens, `</s>` included
    """

    bound: float
    tokens: int


class Translator:
    """A trained model, or several whose probabilities are averaged, with the tokenisation and BPE around it.

    Threads may share a Translator. A process that is forked after it has translated with two threads or more hangs at
    its first use of torch (pytorch#41197): make the pool by `multiprocessing.get_context("spawn")`, or let each child
    call `torch.set_num_threads(1)` first.
    """

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
        dtype        --decoding-dtype: "float32", "bfloat16", "int8" (CPU), "float16" (GPU). The models are changed to
                     it here; a `dtype` in :meth:`translate` changes them for good too, under the feet of other threads
        """
        paths = [checkpoint] if isinstance(checkpoint, (str, os.PathLike)) else checkpoint
        self._task, self._models = load_models([Path(path) for path in paths], data, source_lang, target_lang)
        languages = (self._task.cfg.source_lang, self._task.cfg.target_lang)
        self._subwords = Subwords(tokenizer, bpe_codes, languages)
        self._device = move(self._models, device)
        self._dtype = Decoding.of(dtype=dtype).dtype
        for model in self._models:
            model.lower_precision(self._dtype)

    def translate(
        self,
        texts: Sequence[str],
        targets: Optional[Sequence[str]] = None,
        *,
        history: bool = False,
        alternatives: int = 0,
        max_tokens: int = 2000,
        **options: Any,
    ) -> list[Translation]:
        """Translate each of `texts`, in their order; the translation of an empty text is empty (but with `original`).

        targets       for each text its translation with blanks to fill: `Ein <blank> steht auf <blank:2> .`, or the
                      beginning of one: `Ein Mann <blank>`. `<blank>` is of any size, `<blank:3>` of 3 tokens,
                      `<blank:1-4>` of 1 to 4. Words that are given are never changed.
        history       keep what every pass read and wrote, and why
        alternatives  how many of the best tokens of each position the history keeps
        max_tokens    source tokens in a batch, padding included; the longest text fits always. It changes the speed and
                      the memory needed, not the translations
        options       of decoding, by the names in :class:`fairseq_cmlm.decoding.options.Decoding`: iterations=4,
                      length_beam=3, preset="fast" ...
        """
        _check_texts("texts", texts)
        decoding = Decoding.of(**{"dtype": self._dtype, **options})
        generator = self._task.generator(self._models, decoding, history=history, alternatives=alternatives)
        templates = None if targets is None else self._templates(texts, targets)
        found: dict[int, list[dict[str, Any]]] = {}
        for batch in self._batches(texts, max_tokens, templates):
            hypotheses = self._task.inference_step(generator, self._models, batch)
            found.update(zip(batch["id"].tolist(), hypotheses))
        return [self._translation(found[i]) for i in range(len(texts))]

    def likelihood(
        self, texts: Sequence[str], targets: Sequence[str], *, samples: int = 16, max_tokens: int = 2000
    ) -> list[Likelihood]:
        """Return how likely each of `targets` is as the translation of its text: an upper bound of -ln p, estimated.

        samples  how many maskings of each target the estimate is the mean of

        exp(bound / tokens), over all sentences, bounds the perplexity. It needs a single model in float32.
        """
        _check_texts("texts", texts)
        _check_texts("targets", targets)
        if len(self._models) > 1:
            raise OptionError("the likelihood is that of a single model, and this is an ensemble")
        if self._models[0].precision != "float32":
            raise OptionError(f"the likelihood needs a float32 model, and this is {self._models[0].precision}")
        if len(targets) != len(texts):
            raise TextError(f"there are {len(texts)} texts and {len(targets)} targets: they must be parallel")
        if samples < 1:
            raise OptionError(f"samples {samples} must be at least 1")
        model, dictionary = self._models[0].eval(), self._task.target_dictionary
        ids = [self._target_ids(i, target) for i, target in enumerate(targets)]
        found: dict[int, Likelihood] = {}
        for batch in self._batches(texts, max_tokens, None):
            numbers, source = batch["id"].tolist(), batch["net_input"]["src_tokens"]
            rows = [ids[i] for i in numbers]
            target = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=dictionary.pad())
            bound = likelihood_bound(model, source, target.to(self._device), dictionary.mask_index, samples)
            for i, tokens, length, size in zip(numbers, *(part.tolist() for part in bound)):
                found[i] = Likelihood(tokens + length, size)
        return [found[i] for i in range(len(texts))]

    def _target_ids(self, number: int, target: str) -> torch.Tensor:
        """Return the ids (n,) of a target, `</s>` included."""
        line = self._subwords.target(target)
        ids: torch.Tensor = self._task.target_dictionary.encode_line(line, add_if_not_exist=False).long()
        limit = min(model.max_positions()[1] for model in self._models)
        if len(ids) > limit:
            raise TextError(
                f"targets[{number}] has {len(ids)} tokens (</s> counts), and the model writes at most {limit}: "
                "shorten it"
            )
        return ids

    def _templates(self, texts: Sequence[str], targets: Sequence[str]) -> list[Template]:
        _check_texts("targets", targets)
        if len(targets) != len(texts):
            raise TextError(f"there are {len(texts)} texts and {len(targets)} targets: give one for each, or none")
        read = self._task.templates.read
        return [read(target, self._subwords.target, f"targets[{i}]") for i, target in enumerate(targets)]

    def _batches(
        self, texts: Sequence[str], max_tokens: int, templates: Optional[Sequence[Template]]
    ) -> list[dict[str, Any]]:
        """Return `texts` as fairseq's samples, those of a like length together."""
        tokens, lengths = self._task.get_interactive_tokens_and_lengths(texts, self._subwords.source)
        limit = min(model.max_positions()[0] for model in self._models)
        for i, length in enumerate(lengths):
            if length > limit:
                raise TextError(
                    f"texts[{i}] has {length} tokens (</s> counts), and the model reads at most {limit}: shorten it"
                )
        dataset: Any = self._task.build_dataset_for_inference(tokens, lengths)
        if templates is not None:
            dataset = WithTemplates(dataset, templates)
        shortest_first = np.array(lengths, dtype=np.int64).argsort(kind="stable")
        batches = dataset.batch_by_size(shortest_first, max_tokens=max([max_tokens, *lengths]))
        samples = (dataset.collater([dataset[i] for i in batch]) for batch in batches)
        return [utils.apply_to_sample(lambda tensor: tensor.to(self._device), sample) for sample in samples]

    def _decode(self, tokens: torch.Tensor) -> str:
        return self._subwords.text(self._task.target_dictionary.string(tokens))

    def _translation(self, hypotheses: list[dict[str, Any]]) -> Translation:
        candidates = [self._candidate(hypothesis) for hypothesis in hypotheses]
        return Translation(candidates[0].text, candidates[0].score, candidates)

    def _candidate(self, hypothesis: dict[str, Any]) -> Candidate:
        passes = hypothesis["trace"]
        return Candidate(
            length=hypothesis["length"],
            text=self._decode(hypothesis["tokens"]),
            score=hypothesis["score"],
            passes=hypothesis["steps"],
            history=None if passes is None else [self._traced(made) for made in passes],
        )

    def _traced(self, made: RowPass) -> TracedPass:
        best: list[list[tuple[str, float]]] = []
        if made.alternatives is not None:
            for tokens, log_probs in zip(*made.alternatives):
                best.append([(self._word(t), p) for t, p in zip(tokens.tolist(), log_probs.exp().tolist()) if p > 0])
        return TracedPass(
            read=[self._word(token) for token in made.read.tolist()],
            written=[self._word(token) for token in made.tokens.tolist()],
            probabilities=made.log_probs.exp().tolist(),
            masked_again=made.remasked.tolist(),
            ranks=made.ranks,
            why=made.why,
            alternatives=best,
            score=made.score,
        )

    def _word(self, token: int) -> str:
        return str(self._task.target_dictionary[token])


def _check_texts(name: str, texts: Sequence[str]) -> None:
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise TextError(f"{name} must be a list of strings")
