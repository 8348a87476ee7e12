"""The system of this package: a masked model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Optional, Sequence

import torch

from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.experiments.sentences import Sentence
from fairseq_cmlm.experiments.systems.system import FairseqSystem, GeneratorJob, Loaded, Sample
from fairseq_cmlm.plugin.loading import load_models, move


@dataclass(frozen=True)
class Masked(FairseqSystem):
    """A masked model of this package. `data`, `languages` and `text_pipeline` are as in Translator."""

    text_pipeline: Optional[str] = None

    @cached_property
    def _by_dtype(self) -> dict[str, Loaded]:
        return {}

    def load(self) -> Loaded:
        """Load the model, float32."""
        task, models = load_models([self.checkpoint], self.data, *self.languages, self.text_pipeline)
        move(models, self.device)
        return Loaded(task, models[0])

    def in_precision(self, dtype: str) -> Loaded:
        """Return the model for a --decoding-dtype, which a generator changes in place: one copy for each."""
        if dtype == "float32":
            return self.loaded
        return self._by_dtype.setdefault(dtype, self._by_dtype.get(dtype) or self.load())

    def job(self, decoding: Decoding, threads: int) -> GeneratorJob:
        """Make the model ready; where it decodes gold lengths, the batches bring those of their references."""
        loaded = self.in_precision(decoding.dtype)
        generator = loaded.task.generator([loaded.model], decoding)
        return (_GoldJob if decoding.gold_target_length else GeneratorJob)(loaded, generator, self.device)


class _GoldJob(GeneratorJob):
    def prepare(self, batch: Sequence[Sentence]) -> Sample:
        sample = super().prepare(batch)
        lengths = torch.tensor([batch[i].target_length for i in sample.order])
        beyond = torch.arange(int(lengths.max())) >= lengths[:, None]
        dictionary = self.task.target_dictionary
        target = torch.full(beyond.shape, dictionary.unk()).masked_fill(beyond, dictionary.pad())
        sample.fields["target"] = target.to(self._device)  # nothing but the lengths is read
        return sample
