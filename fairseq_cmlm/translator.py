"""Translation from Python: the class Translator."""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence, Union

import numpy as np
import torch

from fairseq_cmlm import plugin  # noqa: F401  registers task and model; first, to keep fairseq's advice quiet

# isort: split
from fairseq import utils

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.template import Template
from fairseq_cmlm.decoding.trace import BatchPass, Trace
from fairseq_cmlm.draft import read_draft
from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.files import FilePath
from fairseq_cmlm.inference.exposure import Exposure, exposure
from fairseq_cmlm.inference.likelihood import likelihood_bound
from fairseq_cmlm.plugin.blanks import WithTemplates
from fairseq_cmlm.plugin.generator import CMLMGenerator
from fairseq_cmlm.plugin.loading import load_models, move
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.prepared_text import prepared_text
from fairseq_cmlm.plugin.unknown_words import warn_of_unknown_words
from fairseq_cmlm.translation import Candidate, Likelihood, Shown, TracedPass, Translation, Watch, Wording, texts_of

__all__ = ["Candidate", "Likelihood", "TracedPass", "Translation", "Translator"]


class Translator:
    """A trained model, or an ensemble of several, with its text pipeline.

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
        text_pipeline: Optional[FilePath] = None,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        """Load `checkpoint`, a file or the files of an ensemble.

        data         folder with the dict.*.txt; by default the checkpoint's own, or else that of its training
        source_lang  and target_lang: needed only if neither the checkpoint nor the files in `data` tell them
        text_pipeline  text.json for a model without a text pipeline of its own; "none" ignores the model's pipeline
        tokenizer    for a model without a text pipeline: "moses" or another tokenizer of fairseq; None if texts are
                     tokenised already. Beside a pipeline it must name the pipeline's
        bpe_codes    for a model without a text pipeline: codes of subword-nmt; None if texts are split already
        device       "cpu", "cuda", "cuda:1"
        dtype        --decoding-dtype: "float32", "bfloat16", "int8" (CPU), "float16" (GPU). It changes the models; so
                     does a `dtype` in :meth:`translate`, for good and for all threads
        """
        paths = [checkpoint] if isinstance(checkpoint, (str, os.PathLike)) else checkpoint
        files = [Path(path) for path in paths]
        self._task, self._models = load_models(files, data, source_lang, target_lang, text_pipeline)
        self._text, self.text_signature = prepared_text(self._task.text, self.languages, tokenizer, bpe_codes)
        self._words = Wording(
            source=lambda token: str(self._task.source_dictionary[token]),
            target=lambda token: str(self._task.target_dictionary[token]),
            text=lambda tokens: self._text.text(self._task.target_dictionary.string(tokens)),
        )
        self._device = move(self._models, device)
        self._dtype = Decoding.of(dtype=dtype).dtype
        for model in self._models:
            model.lower_precision(self._dtype)

    @property
    def languages(self) -> tuple[str, str]:
        """Return the names of source and target language, as the data was prepared with them."""
        return self._task.cfg.source_lang, self._task.cfg.target_lang

    @property
    def declaration(self) -> type:
        """Return the declaration of the decoding options."""
        return Decoding

    @property
    def fills_blanks(self) -> bool:
        """Return that targets with blanks are filled."""
        return True

    def fullest_history(self, alternatives: int, **options: Any) -> dict[str, Any]:
        """Return arguments of `translate` for the fullest history, with at most `alternatives` alternatives."""
        known = 0 if Decoding.of(**options).searches else alternatives
        return {"history": True, "attention": True, "alternatives": known}

    def translate(
        self,
        texts: Sequence[str],
        targets: Optional[Sequence[str]] = None,
        *,
        history: bool = False,
        alternatives: int = 0,
        attention: bool = False,
        watch: Optional[Watch] = None,
        max_tokens: int = 2000,
        **options: Any,
    ) -> list[Translation]:
        """Translate `texts`, in their order; an empty text has an empty translation (except with `original`).

        targets       for each text a translation with blanks to fill: `Ein <blank> steht auf <blank:2> .`, or the
                      beginning of one: `Ein Mann <blank>`. `<blank>` takes any number of tokens, `<blank:3>` takes 3,
                      `<blank:1-4>` takes 1 to 4. Given words are never changed
        history       keep what every pass read and wrote, and why
        alternatives  number of best tokens that the history keeps for each position
        attention     keep the attention over the source in the history, for about half as much work again
        watch         function called with each pass as soon as it is made: number of the text, number of the candidate,
                      `TracedPass`. A search over single tokens knows its passes only at its end. Exceptions that it
                      raises end the translation
        max_tokens    source tokens in a batch, padding included; one text always fits. It changes speed and memory, and
                      in float32 not the translations
        options       decoding options, by the names in :class:`fairseq_cmlm.decoding.options.Decoding`: iterations=4,
                      length_beam=3, preset="fast" ...
        """
        texts = texts_of("texts", texts)
        decoding = Decoding.of(**{"dtype": self._dtype, **options})
        shown = Shown(history, alternatives, attention, watch)
        shown.check(decoding)
        generator = self._task.generator(self._models, decoding)
        templates = None if targets is None else self._templates(texts, targets)
        found: dict[int, Translation] = {}
        for batch in self._batches(texts, max_tokens, templates):
            found.update(self._translations(generator, {**batch, "trace": self._trace(batch, shown)}))
        return [found[i] for i in range(len(texts))]

    def go_on(
        self,
        text: str,
        tokens: Sequence[str],
        *,
        probabilities: Sequence[float],
        masked: Sequence[bool],
        done: int,
        fixed: Optional[Sequence[bool]] = None,
        history: bool = False,
        alternatives: int = 0,
        attention: bool = False,
        watch: Optional[Watch] = None,
        **options: Any,
    ) -> Translation:
        """Continue a decoding from the middle, unchanged or edited by you; there is one candidate.

        text           the source
        tokens         the target so far, with `</s>` at its end: `written` of a `TracedPass`; anything where masked
        probabilities  probability of each token, from the `TracedPass`; 1 for a token of your own
        masked         whether the next pass predicts the token: `masked_again` of the `TracedPass`
        done           number of passes made; the next one is number done + 1 of those that `options` plan
        fixed          whether the token must never change; by default none is fixed

        The others are as in `translate`. If nothing is changed, the decoding continues as if it had not been
        interrupted, except that what the canvas does not show is lost: random strategies draw other numbers for all but
        the first candidate, rules that count passes start again (with `block_length` the passes too), blanks of a
        target forget that they must not join a given word, searches go on from one hypothesis, and with `plan_by` the
        planner's probabilities of the tokens that stand take the place of the model's in the score.
        """
        decoding = Decoding.of(**{"dtype": self._dtype, **options})
        shown = Shown(history, alternatives, attention, watch)
        shown.check(decoding)
        fixed = [False] * len(tokens) if fixed is None else fixed
        draft = read_draft(self._task.target_dictionary.vocabulary, tokens, probabilities, masked, fixed, done)
        (batch,) = self._batches([text], 1, None)
        generator = self._task.generator(self._models, decoding)
        return self._translations(generator, {**batch, "draft": draft, "trace": self._trace(batch, shown)})[0]

    def _trace(self, batch: dict[str, Any], shown: Shown) -> Optional[Trace]:
        """Return the trace for a batch; None if none is wanted."""
        if not shown.history and shown.watch is None:
            return None
        trace, numbers, watch = Trace(shown.alternatives, shown.attention), batch["id"].tolist(), shown.watch
        real, templates = self._real_source(batch), batch.get("constraints")

        def tell(made: BatchPass) -> None:
            assert watch is not None
            for row, one in made.by_row():
                sentence, candidate = divmod(row, trace.candidates)
                given = None if templates is None else templates[sentence].typed
                watch(numbers[sentence], candidate, self._words.traced(one, real[sentence], given))

        trace.watch = None if watch is None else tell
        return trace

    def _real_source(self, batch: dict[str, Any]) -> torch.Tensor:
        """Return where the sources (B, S) of a batch are not padding, bool on the host."""
        return batch["net_input"]["src_tokens"].cpu().ne(self._task.source_dictionary.pad())

    def _translations(self, generator: CMLMGenerator, batch: dict[str, Any]) -> dict[int, Translation]:
        """Decode a batch; return number of the text -> translation."""
        hypotheses = self._task.inference_step(generator, self._models, batch)
        sources, real = batch["net_input"]["src_tokens"].cpu(), self._real_source(batch)
        return {
            number: self._words.translation(*one)
            for number, *one in zip(batch["id"].tolist(), hypotheses, sources, real)
        }

    def likelihood(
        self, texts: Sequence[str], targets: Sequence[str], *, samples: int = 16, max_tokens: int = 2000
    ) -> list[Likelihood]:
        """Estimate an upper bound of -ln p of each of `targets` as the translation of its text.

        samples  number of maskings of each target to average over

        exp(sum of bounds / sum of tokens) bounds the perplexity. This needs a single model in float32.
        """
        if samples < 1:
            raise OptionError(f"samples {samples} must be at least 1")
        model, mask = self._single("likelihood"), self._task.symbols.mask
        found: dict[int, Likelihood] = {}
        for numbers, source, target in self._pairs(texts, targets, max_tokens):
            bound = likelihood_bound(model, source, target, mask, samples)
            for i, tokens, length, size in zip(numbers, *(part.tolist() for part in bound)):
                found[i] = Likelihood(tokens + length, size)
        return [found[i] for i in range(len(texts))]

    def exposure(self, texts: Sequence[str], targets: Sequence[str], *, max_tokens: int = 2000) -> Exposure:
        """Measure how a model, in float32, copes with its own words in the place of those of `targets`, one or more."""
        if not texts:
            raise TextError("the exposure is measured on at least one text, and there is none")
        model, symbols = self._single("exposure"), self._task.symbols
        pairs = self._pairs(texts, targets, max_tokens)
        return reduce(Exposure.plus, (exposure(model, source, target, symbols) for _, source, target in pairs))

    def _single(self, what: str) -> CMLMModel:
        """Return the only model, in float32; raise an OptionError otherwise."""
        if len(self._models) > 1:
            raise OptionError(f"the {what} is that of a single model, and this is an ensemble")
        if self._models[0].precision != "float32":
            raise OptionError(f"the {what} needs a float32 model, and this is {self._models[0].precision}")
        return self._models[0].eval()

    def _pairs(
        self, texts: Sequence[str], targets: Sequence[str], max_tokens: int
    ) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
        """Yield batches of texts and targets: their numbers, source (B, S) and target (B, T)."""
        texts = texts_of("texts", texts)
        targets = texts_of("targets", targets)
        if len(targets) != len(texts):
            raise TextError(f"there are {len(texts)} texts and {len(targets)} targets: they must be parallel")
        ids, pad = [self._target_ids(i, target) for i, target in enumerate(targets)], self._task.symbols.pad
        warn_of_unknown_words(targets, ids, self._task.target_dictionary.unk(), self._text.target)
        for batch in self._batches(texts, max_tokens, None):
            numbers = batch["id"].tolist()
            rows = [ids[i] for i in numbers]
            target = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
            yield numbers, batch["net_input"]["src_tokens"], target.to(self._device)

    def _target_ids(self, number: int, target: str) -> torch.Tensor:
        """Return the ids (n,) of a target, `</s>` included."""
        line = self._text.target(target)
        ids: torch.Tensor = self._task.target_dictionary.encode_line(line, add_if_not_exist=False).long()
        limit = min(model.max_positions()[1] for model in self._models)
        if len(ids) > limit:
            raise TextError(
                f"targets[{number}] has {len(ids)} tokens (</s> counts), and the model writes at most {limit}: "
                "shorten it"
            )
        return ids

    def _templates(self, texts: Sequence[str], targets: Sequence[str]) -> list[Template]:
        targets = texts_of("targets", targets)
        if len(targets) != len(texts):
            raise TextError(f"there are {len(texts)} texts and {len(targets)} targets: give one for each, or none")
        read = self._task.templates.read
        return [read(target, self._text.target, f"targets[{i}]") for i, target in enumerate(targets)]

    def _batches(
        self, texts: Sequence[str], max_tokens: int, templates: Optional[Sequence[Template]]
    ) -> list[dict[str, Any]]:
        """Return `texts` as samples of fairseq, texts of similar length together."""
        tokens, lengths = self._task.get_interactive_tokens_and_lengths(texts, self._text.source)
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
