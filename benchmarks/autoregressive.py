"""The autoregressive decoders: fairseq's beam search, and the same models in CTranslate2."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, Sequence

import torch
from fairseq.search import BeamSearch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

from benchmarks.generators import Generated
from benchmarks.sample import Sample
from benchmarks.sentences import LONGEST, Sentence
from benchmarks.systems import Case, Decoded, Environment

try:
    import ctranslate2
    from ctranslate2.converters import FairseqConverter
except ImportError:
    ctranslate2 = None

HAS_CTRANSLATE2 = ctranslate2 is not None
WITHOUT_CTRANSLATE2 = "ctranslate2 is not installed and its rows are left out: pip install ctranslate2"


class ForcedLength(BeamSearch):
    """fairseq's beam search in which every sentence ends at its own given length."""

    lengths: Tensor  # (B,), tokens with `</s>`, each at least 2

    def step(
        self,
        step: int,
        lprobs: Tensor,
        scores: Optional[Tensor],
        prev_output_tokens: Optional[Tensor] = None,
        original_batch_idxs: Optional[Tensor] = None,
        candidate_multiple: int = 2,
    ) -> Any:
        """Allow `</s>` at a sentence's last step, alone, and never before. Writes over lprobs (sentences, beam, V)."""
        last = self.lengths[original_batch_idxs] == step + 1
        end = lprobs[:, :, self.eos].masked_fill(~last[:, None], float("-inf"))
        lprobs[last] = float("-inf")
        lprobs[:, :, self.eos] = end
        return super().step(step, lprobs, scores, prev_output_tokens, original_batch_idxs, candidate_multiple)


class FairseqBeamSearch(Generated):
    """fairseq's SequenceGenerator, as fairseq-generate calls it."""

    def __init__(self, case: Case, environment: Environment) -> None:
        super().__init__(case.system, environment)
        self._beam = case.system.beam
        dictionary = self._task.target_dictionary
        self._search = ForcedLength(dictionary) if self._forced else None
        self._generator = SequenceGenerator(
            [self._model], dictionary, beam_size=self._beam, max_len_b=LONGEST, search_strategy=self._search
        )

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """The batch; the sentences' lengths go to the search."""
        if self._search is not None:
            lengths = [sentence.target_length for sentence in batch]
            self._search.lengths = torch.tensor(lengths, device=self._device)
        return super().prepare(batch)

    def forced_lengths(self, batch: Sequence[Sentence]) -> list[list[int]]:
        """The reference's, for every hypothesis."""
        return [[sentence.target_length] * self._beam for sentence in batch]

    def passes(self, length: int) -> int:
        """One a token."""
        return length


def convert(checkpoint: Path, data: Path, folder: Path) -> Path:
    """Have CTranslate2's own converter write a fairseq checkpoint into the new `folder`."""
    FairseqConverter(str(checkpoint), str(data)).convert(str(folder))
    return folder


class CTranslate2:
    """ctranslate2.Translator.

    It takes one length for a whole batch: where lengths are forced this is the mean of the references', rounded up.
    So it makes as many tokens as the others, in fewer steps than the batch's longest sentence needs: a small advantage.
    """

    def __init__(self, case: Case, environment: Environment) -> None:
        system = case.system
        self._beam, self._forced = system.beam, environment.forced
        self._translator = ctranslate2.Translator(
            str(environment.converted[system.model]),
            device=environment.device,
            compute_type=system.numbers,
            intra_threads=case.threads,
        )

    def prepare(self, batch: Sequence[Sentence]) -> tuple[list[list[str]], dict[str, int]]:
        """Sources, and the options that force the length."""
        forced = {}
        if self._forced:
            length = self.forced_lengths(batch)[0][0]
            forced = {"min_decoding_length": length, "max_decoding_length": length}
        return [sentence.source for sentence in batch], forced

    def decode(self, prepared: tuple[list[list[str]], dict[str, int]]) -> Any:
        """The translator's results."""
        source, forced = prepared
        return self._translator.translate_batch(source, beam_size=self._beam, num_hypotheses=self._beam, **forced)

    def read(self, prepared: Any, result: Any) -> list[Decoded]:
        """All hypotheses of the beam."""
        ends = 0 if self._forced else 1  # a forced length leaves no room for `</s>`
        rows = []
        for found in result:
            lengths = [len(tokens) + ends for tokens in found.hypotheses]
            rows.append(Decoded(found.hypotheses[0], lengths, lengths))
        return rows

    def forced_lengths(self, batch: Sequence[Sentence]) -> list[list[int]]:
        """The mean of the references'."""
        mean = -(-sum(sentence.target_length for sentence in batch) // len(batch))
        return [[mean] * self._beam for _ in batch]

    def passes(self, length: int) -> int:
        """One a token."""
        return length
