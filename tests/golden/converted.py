"""A checkpoint of the released implementation as our converter reads it, and its symbols in ours."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import torch
from fairseq import checkpoint_utils
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from fairseq_cmlm.conversion.convert import convert
from fairseq_cmlm.plugin.model import CMLMModel
from fairseq_cmlm.plugin.task import TranslationCMLMTask

PAD, MASK = 1, 4  # of the released code, whose words follow from 5 on
CHECKPOINTS = {
    "trained": "checkpoint_trained.pt",
    "wild": "checkpoint_wild.pt",
    "rand": "checkpoint_rand_legacy_format.pt",
}


@dataclass
class Converted:
    """folder holds model.pt and its dictionaries; task and model are what fairseq loads from it."""

    folder: Path
    task: TranslationCMLMTask
    model: CMLMModel

    def ours(self, tokens: Any) -> Tensor:
        """Ids of the released code, of any shape, as ours: words one lower, the mask last."""
        tokens = torch.as_tensor(tokens, dtype=torch.long)
        ours = torch.where(tokens > MASK, tokens - 1, tokens)
        return ours.masked_fill(tokens == MASK, self.task.target_dictionary.mask_index)

    def batch(self, sentences: Sequence[Sequence[int]]) -> Tensor:
        """Sentences in ids of the released code as one right-padded batch in ours."""
        return pad_sequence([self.ours(sentence) for sentence in sentences], batch_first=True, padding_value=PAD)

    def decode(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], **options: object
    ) -> list[list[dict[str, Any]]]:
        """What our generator makes of `sources` in the exact mode: for each its hypotheses, best first."""
        generator = self.task.build_generator([self.model], Namespace(original_decoding=True, **options))
        sample = {"net_input": {"src_tokens": self.batch(sources)}, "target": self.batch(targets)}
        return generator.generate([self.model], sample)


def load(golden: Path, name: str, folder: Path) -> Converted:
    """Convert the checkpoint `name` into `folder` and load it."""
    convert(golden / CHECKPOINTS[name], golden, folder)
    models, _, task = checkpoint_utils.load_model_ensemble_and_task([str(folder / "model.pt")])
    return Converted(folder, task, models[0].eval())
