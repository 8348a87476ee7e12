"""fairseq's autoregressive Transformer, with beam search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence

import torch
from fairseq import checkpoint_utils
from fairseq.models.transformer import TransformerModelBase
from fairseq.search import BeamSearch as FairseqBeamSearch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.experiments.case import BeamSearch
from fairseq_cmlm.experiments.sentences import LONGEST, Sentence
from fairseq_cmlm.experiments.systems.system import FairseqSystem, GeneratorJob, Loaded, Sample
from fairseq_cmlm.plugin.loading import move


@dataclass(frozen=True)
class Autoregressive(FairseqSystem):
    """fairseq's Transformer with the dictionaries in `data`; `flag` is the option that gave it, for messages."""

    flag: str = "--teacher"

    def load(self) -> Loaded:
        """Load the model as fairseq-generate prepares it; what is no such model raises a CheckpointError."""
        given = f"{self.flag} {self.checkpoint}"
        if not self.checkpoint.is_file():
            raise CheckpointError(f"{given}: there is no such file")
        languages = {
            name: language for name, language in zip(("source_lang", "target_lang"), self.languages) if language
        }
        overrides = {"data": str(self.data), **languages, "eval_bleu": False}
        state = checkpoint_utils.load_checkpoint_to_cpu(str(self.checkpoint), overrides)
        cfg = state.get("cfg")
        if cfg is None or cfg.task._name != "translation":
            raise CheckpointError(f"{given} is no checkpoint of fairseq's --task translation")
        try:
            models, cfg, task = checkpoint_utils.load_model_ensemble_and_task([str(self.checkpoint)], state=state)
        except RuntimeError as error:  # what torch says about shapes
            first = str(error).strip().partition("\n")[0]
            raise CheckpointError(
                f"{given} does not fit the dictionaries in {self.data}: it must have the same ones ({first})"
            ) from None
        if not isinstance(models[0], TransformerModelBase):
            raise CheckpointError(f"{given} is no autoregressive Transformer of fairseq")
        models[0].prepare_for_inference_(cfg)
        models[0].eval()
        move(models, self.device)
        return Loaded(task, models[0])

    def job(self, decoding: BeamSearch, threads: int) -> GeneratorJob:
        """Make the model ready."""
        return _SearchJob(self.loaded, decoding, self.device)


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


class _SearchJob(GeneratorJob):
    """fairseq's SequenceGenerator at work, as fairseq-generate calls it."""

    def __init__(self, loaded: Loaded, decoding: BeamSearch, device: str) -> None:
        dictionary = loaded.task.target_dictionary
        self._search = ForcedLength(dictionary) if decoding.gold_target_length else None
        longest = {} if self._search is None else {"max_len_b": LONGEST}
        generator = SequenceGenerator(
            [loaded.model], dictionary, beam_size=decoding.beam, search_strategy=self._search, **longest
        )
        super().__init__(loaded, generator, device)

    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        """Collate the sources; the lengths of the references go to the search."""
        if self._search is not None:
            lengths = [sentence.target_length for sentence in batch]
            self._search.lengths = torch.tensor(lengths, device=self._device)
        return super().prepare(batch)
