"""The class Bundle, which translates texts with an exported model."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence

import numpy as np

import fairseq_cmlm
from fairseq_cmlm.draft import Draft, read_draft
from fairseq_cmlm.errors import ModelError, OptionError, TextError
from fairseq_cmlm.files import FilePath
from fairseq_cmlm.options import signature
from fairseq_cmlm.runtime.arrays import Array
from fairseq_cmlm.runtime.history import Historian
from fairseq_cmlm.runtime.lengths import LengthCandidates, budget_of, candidates_of, length_log_probs, of_draft, scaled
from fairseq_cmlm.runtime.manifest import SYMBOLS, Manifest, intact, read_manifest
from fairseq_cmlm.runtime.network import Network
from fairseq_cmlm.runtime.options import declaration_of, decoding_of
from fairseq_cmlm.runtime.refine import MadePass, Plan, Refined, Start, refine
from fairseq_cmlm.runtime.schedule import SCHEDULES
from fairseq_cmlm.runtime.strategy import STRATEGIES, StoppingRule, below_threshold, while_changing
from fairseq_cmlm.runtime.words import Words
from fairseq_cmlm.text.pipeline import PreparedText
from fairseq_cmlm.text.pipeline_file import FILE_NAME as TEXT
from fairseq_cmlm.text.pipeline_file import read_pipeline
from fairseq_cmlm.text.unlearned import of_length, of_unknown
from fairseq_cmlm.translation import Candidate, TracedPass, Translation, Watch, check_alternatives, texts_of

logger = logging.getLogger(__name__)


class Subwords:
    """The text of a model without a text pipeline: subwords with spaces between them."""

    def source(self, text: str) -> str:
        """Return the text."""
        return text

    target = text = source


@dataclass(frozen=True)
class Shown:
    """The parts of passes to keep: the arguments of the same names in `Bundle.translate`."""

    history: bool
    alternatives: int
    watch: Optional[Watch]

    @property
    def kept(self) -> bool:
        """Return whether anything is kept."""
        return self.history or self.watch is not None

    def check(self) -> None:
        """Raise an OptionError for alternatives that would not be kept."""
        check_alternatives(self.alternatives)
        if self.alternatives and not self.kept:
            raise OptionError(f"alternatives={self.alternatives} stand in the history: ask for it with history=True")


class Bundle:
    """A model that `fairseq-cmlm export` has written into a folder. Threads may share it."""

    def __init__(self, folder: FilePath, *, dtype: str = "float32", threads: int = 1) -> None:
        """Open the bundle in `folder`; raise a BundleError if it is damaged, foreign or of a newer version.

        dtype    "float32", or "int8": half the size, faster, and not quite the same translations
        threads  of the processor that a product is shared among
        """
        _check_threads(threads)
        self._folder, self._threads = Path(folder), threads
        self._manifest = read_manifest(self._folder)
        self._declaration = declaration_of(self._manifest)
        self._source, self._target = (
            Words.read(intact(self._folder, self._manifest, SYMBOLS.format(language=one)), self._manifest.symbols)
            for one in self._manifest.languages
        )
        self._text: PreparedText = Subwords()
        if self._manifest.text is not None:
            self._text = read_pipeline(intact(self._folder, self._manifest, TEXT))
        self._networks: dict[str, Network] = {}
        self._warned: set[str] = set()
        self._dtype = str(self.decoding(dtype=dtype).dtype)
        self._network(self._dtype)

    @property
    def manifest(self) -> Manifest:
        """Return the manifest of the bundle."""
        return self._manifest

    @property
    def languages(self) -> tuple[str, str]:
        """Return the names of source and target language."""
        return self._manifest.languages

    @property
    def declaration(self) -> type:
        """Return the declaration of the decoding options that a bundle follows, with the choices that it has."""
        return declaration_of(self._manifest, supported=True)

    @property
    def fills_blanks(self) -> bool:
        """Return that no targets with blanks are filled."""
        return False

    def fullest_history(self, alternatives: int, **options: Any) -> dict[str, Any]:
        """Return arguments of `translate` for the fullest history, with at most `alternatives` alternatives."""
        return {"history": True, "alternatives": alternatives}

    def decoding(self, **options: Any) -> Any:
        """Return all options of a decoding; presets and defaults fill in those that are not given."""
        default = {"dtype": self._dtype} if hasattr(self, "_dtype") else {}
        return decoding_of(self._declaration, self._manifest, {**default, **options})

    def signature(self, **options: Any) -> str:
        """Return the decoding with these options in one line, as fairseq_cmlm signs it."""
        return signature(self.decoding(**options), version=fairseq_cmlm.__version__)

    def translate(
        self,
        texts: Sequence[str],
        targets: Optional[Sequence[str]] = None,
        *,
        history: bool = False,
        alternatives: int = 0,
        watch: Optional[Watch] = None,
        **options: Any,
    ) -> list[Translation]:
        """Translate each of `texts`, in their order; the translation of an empty text is empty.

        targets       None: a bundle fills no gaps
        history       keep what every pass read and wrote, and why
        alternatives  how many of the best tokens of each position the history keeps
        watch         is called with each pass as soon as it is made: the number of the text, that of the candidate, and
                      the `TracedPass`. What it raises ends the translation
        options       of decoding: iterations=4, length_beam=3, preset="fast" ...; what the runtime cannot do is refused
        """
        texts = texts_of("texts", texts)
        if targets is not None:
            raise OptionError("a bundle fills no gaps of targets: only a checkpoint does, with fairseq_cmlm.Translator")
        decoding, shown = self.decoding(**options), Shown(history, alternatives, watch)
        shown.check()
        sources = [self._source_ids(number, text) for number, text in enumerate(texts)]
        return [self._translation(number, source, decoding, shown) for number, source in enumerate(sources)]

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
        watch: Optional[Watch] = None,
        **options: Any,
    ) -> Translation:
        """Go on from the middle of a decoding, as it was left or as you have changed it: as `Translator.go_on` does."""
        decoding, shown = self.decoding(**options), Shown(history, alternatives, watch)
        shown.check()
        fixed = [False] * len(tokens) if fixed is None else fixed
        draft = read_draft(self._target.vocabulary, tokens, probabilities, masked, fixed, done)
        if len(draft.tokens) > self._manifest.limits[1]:
            raise TextError(
                f"the target has {len(draft.tokens)} tokens (</s> counts), and the model writes at most "
                f"{self._manifest.limits[1]}: shorten it"
            )
        return self._translation(0, self._source_ids(0, text), decoding, shown, draft)

    def _source_ids(self, number: int, text: str) -> Array:
        subwords = self._text.source(text)
        ids, limit = self._source.ids(subwords), self._manifest.limits[0]
        if len(ids) > limit:
            raise TextError(
                f"texts[{number}] has {len(ids)} tokens (</s> counts), and the model reads at most {limit}: shorten it"
            )
        unknown = np.flatnonzero(ids == self._manifest.symbols.unk).tolist()
        if unknown:
            self._warn("unknown", of_unknown(subwords.split(), unknown))
        self._warn_of_length("source", len(ids))
        return ids

    def _warn_of_length(self, side: str, size: int) -> None:
        """Warn if a source or target has more tokens than the training had."""
        longest = self._manifest.longest
        if longest is not None and size > (most := longest[side == "target"]):
            self._warn(f"long {side}", of_length(side, size, most))

    def _warn(self, kind: str, message: str) -> None:
        """Give a warning of each kind once."""
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning(message)

    def _network(self, dtype: str) -> Network:
        """Return the network with these numbers, loaded once."""
        if dtype not in self._networks:
            self._networks[dtype] = Network.read(self._folder, self._manifest, dtype, self._threads)
        return self._networks[dtype]

    def _translation(
        self, number: int, source: Array, decoding: Any, shown: Shown, draft: Optional[Draft] = None
    ) -> Translation:
        """Translate the ids (S,) of a text, from the beginning or from a draft."""
        network = self._network(decoding.dtype)
        encoded = network.encode(source)
        log_probs = scaled(length_log_probs(encoded.length_logits), decoding.length_scale)
        if draft is None:
            plan = _plan(decoding, self._length_candidates(decoding, log_probs, source))
            start = Start.of_lengths(plan.lengths, self._manifest.symbols.pad)
        else:
            plan = _plan(decoding, of_draft(draft, log_probs, decoding.length_prior))
            start = Start.of_draft(draft, int(plan.total[0]))
        histories: list[list[TracedPass]] = [[] for _ in plan.lengths]
        historian = Historian(self._target, self._manifest.symbols, self._written, shown.alternatives)

        def watch(made: MadePass) -> None:
            for candidate, told in historian.told(made, start.lengths):
                histories[candidate].append(told)
                if shown.watch is not None:
                    shown.watch(number, candidate, told)

        told = watch if shown.kept else None
        found = refine(network, encoded, self._manifest.symbols, plan, start, told, shown.alternatives > 0)
        return self._ranked(found, plan, source, histories if shown.kept else None)

    def _length_candidates(self, decoding: Any, log_probs: Array, source: Array) -> LengthCandidates:
        """Return the candidates for a source (S,), by the log-probabilities (L,) of the lengths."""
        if decoding.length_budget is not None:
            return budget_of(decoding.length_budget, len(log_probs) - 1, len(source) <= 1)
        return candidates_of(log_probs, decoding.length_beam, len(source) <= 1, decoding.length_prior)

    def _ranked(
        self, found: Refined, plan: Plan, source: Array, histories: Optional[list[list[TracedPass]]]
    ) -> Translation:
        """Return the candidates, best first."""
        scores = found.scores(plan)
        if np.isnan(scores).any():
            raise ModelError("the model's outputs are not numbers (NaN): it diverged in training; export another")
        order = np.argsort(-scores, kind="stable")
        self._warn_of_length("target", int(found.lengths[order[0]]))
        left, lost = (
            [self._candidate(found, plan, number, scores, histories) for number in numbers.tolist()]
            for numbers in (order[np.isfinite(scores[order])], order[np.isinf(scores[order])])
        )
        return Translation(left[0].text, left[0].score, self._source.named(source), left, lost)

    def _candidate(
        self, found: Refined, plan: Plan, number: int, scores: Array, histories: Optional[list[list[TracedPass]]]
    ) -> Candidate:
        history = None if histories is None else histories[number]
        score, bonus = float(scores[number]), float(plan.bonus[number])
        shown = history[-1].score + bonus if history and not np.isfinite(score) else score
        length = int(found.lengths[number])
        return Candidate(
            length=length,
            number=number,
            text=self._written(found.tokens[number, :length]),
            score=shown,
            scores={"confidence": shown},
            bonus=bonus,
            passes=int(found.passes[number]),
            history=history,
        )

    def _written(self, ids: Array) -> str:
        """Return the text of target ids (n,)."""
        return self._text.text(self._target.subwords(ids))


def _check_threads(threads: int) -> None:
    most = os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= most:
        raise OptionError(
            f"--threads {threads!r} must be a whole number from 1 to {most}, the processors of this machine"
        )


def _plan(decoding: Any, candidates: LengthCandidates) -> Plan:
    lengths, bonus, places = candidates
    total = lengths if decoding.iterations == 0 else np.full_like(lengths, decoding.iterations)
    if decoding.iterations_per_token is not None:
        total = np.minimum(total, np.ceil(lengths * decoding.iterations_per_token)).astype(np.int64)
    rules: list[StoppingRule] = []
    if decoding.stop_unchanged is not None:
        rules.append(while_changing(decoding.stop_unchanged))
    if decoding.confidence_threshold is not None:
        rules.append(below_threshold(decoding.confidence_threshold))
    strategy, schedule = STRATEGIES[decoding.strategy], SCHEDULES[decoding.mask_schedule]
    return Plan(lengths, total, bonus, places, decoding.halve_candidates, strategy, schedule, rules)
