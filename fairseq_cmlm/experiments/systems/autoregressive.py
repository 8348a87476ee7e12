"""fairseq's autoregressive Transformer, or a hybrid that writes from left to right, with beam search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence

import torch
from fairseq.search import BeamSearch as FairseqBeamSearch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

from fairseq_cmlm.experiments.case import BeamSearch
from fairseq_cmlm.experiments.sentences import LONGEST, Sentence
from fairseq_cmlm.experiments.systems.system import FairseqSystem, GeneratorJob, Loaded, Sample
from fairseq_cmlm.plugin.autoregressive import load_transformer, task_of
from fairseq_cmlm.plugin.causal_model import CausalModel, refuse_not_causal
from fairseq_cmlm.plugin.loading import load_models, move


@dataclass(frozen=True)
class Autoregressive(FairseqSystem):
    """fairseq's Transformer or a hybrid, with the dictionaries in `data`.

    flag  the option that gave it, for messages
    """

    flag: str = "--teacher"

    def load(self) -> Loaded:
        """Load the model as fairseq-generate prepares it; raise a CheckpointError for another kind of model."""
        if task_of(self.checkpoint) == "translation_cmlm":
            return self._load_hybrid()
        task, model = load_transformer(self.checkpoint, self.data, self.languages, self.flag)
        move([model], self.device)
        return Loaded(task, model)

    def _load_hybrid(self) -> Loaded:
        task, models = load_models([self.checkpoint], self.data, *self.languages)
        refuse_not_causal(models[0], f"{self.flag} {self.checkpoint}")
        move(models, self.device)
        return Loaded(task, CausalModel(models[0], task.symbols.mask).eval())

    def job(self, decoding: BeamSearch, threads: int) -> GeneratorJob:
        """Prepare the model for decoding."""
        return SearchJob(self.loaded, decoding, self.device)


class ForcedLength(FairseqBeamSearch):
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


class SearchJob(GeneratorJob):
    """fairseq's SequenceGenerator at work, as fairseq-generate calls it."""

    def __init__(self, loaded: Loaded, decoding: BeamSearch, device: str) -> None:
        dictionary = loaded.task.target_dictionary
        self._search = ForcedLength(dictionary) if decoding.gold_target_length else None
        longest = {} if self._search is None else {"max_len_b": LONGEST}
        generator = SequenceGenerator(
            [loaded.model],
            dictionary,
            beam_size=decoding.beam,
            len_penalty=decoding.lenpen,
            search_strategy=self._search,
            **longest,
        )
        super().__init__(loaded, generator, device)

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """Collate the sources; the lengths of the references go to the search."""
        if self._search is not None:
            lengths = [sentence.target_length for sentence in batch]
            self._search.lengths = torch.tensor(lengths, device=self._device)
        return super().prepare(batch)
