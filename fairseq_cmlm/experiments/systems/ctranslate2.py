"""CTranslate2, with a fairseq checkpoint converted by its own converter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from fairseq_cmlm.experiments.case import BeamSearch
from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.experiments.systems.system import Decoded, System

try:
    import ctranslate2
    from ctranslate2.converters import FairseqConverter
except ImportError:
    ctranslate2 = None

HAS_CTRANSLATE2 = ctranslate2 is not None
MISSING = "ctranslate2 is not installed and its rows are left out: pip install ctranslate2"


def convert(checkpoint: Path, data: Path, folder: Path) -> Path:
    """Have CTranslate2's own converter write a fairseq checkpoint into the new `folder`."""
    FairseqConverter(str(checkpoint), str(data)).convert(str(folder))
    return folder


def mean_length(batch: Sequence[Sentence]) -> int:
    """Return the mean of the references' lengths, rounded up."""
    return -(-sum(sentence.target_length for sentence in batch) // len(batch))


@dataclass(frozen=True)
class CTranslate2(System):
    """An autoregressive model that CTranslate2 has converted into `folder`."""

    folder: Path
    device: str = "cpu"

    def job(self, decoding: BeamSearch, threads: int) -> _TranslatorJob:
        """Make the model ready, with the decoding's dtype as compute type."""
        translator = ctranslate2.Translator(
            str(self.folder), device=self.device, compute_type=decoding.dtype, intra_threads=threads
        )
        return _TranslatorJob(translator, decoding)


class _TranslatorJob:
    """ctranslate2.Translator at work.

    It takes one length for a whole batch: where lengths are forced this is the mean of the references'. So it makes as
    many tokens as the others, in fewer steps than the batch's longest sentence needs: a small advantage.
    """

    def __init__(self, translator: Any, decoding: BeamSearch) -> None:
        self._translator, self._beam, self._forced = translator, decoding.beam, decoding.gold_target_length

    def prepare(self, batch: Sequence[Sentence]) -> tuple[list[list[str]], dict[str, int]]:
        """Return the sources, and the options that force the length."""
        length = mean_length(batch)
        forced = {"min_decoding_length": length, "max_decoding_length": length} if self._forced else {}
        return [sentence.source for sentence in batch], forced

    def work(self, prepared: tuple[list[list[str]], dict[str, int]]) -> Any:
        """Return the translator's results."""
        source, forced = prepared
        return self._translator.translate_batch(source, beam_size=self._beam, num_hypotheses=self._beam, **forced)

    def finish(self, batch: Sequence[Sentence], prepared: Any, result: Any) -> list[Decoded]:
        """Return all hypotheses of the beam, a pass a token."""
        ends = 0 if self._forced else 1  # a forced length leaves no room for `</s>`
        rows = []
        for found in result:
            lengths = [len(tokens) + ends for tokens in found.hypotheses]
            rows.append(Decoded(found.hypotheses[0], lengths, lengths))
        return rows
