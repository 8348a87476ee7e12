"""The models that a report compares: masked ones of this package, and fairseq's autoregressive Transformer."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import torch
from fairseq import checkpoint_utils
from fairseq.models.transformer import TransformerModelBase

from fairseq_cmlm.errors import CheckpointError
from fairseq_cmlm.files import file_digest
from fairseq_cmlm.plugin.decoding_options import NOTHING_GIVEN
from fairseq_cmlm.plugin.loading import load_models, move
from fairseq_cmlm.reporting.cells import Case


@dataclass(frozen=True)
class System:
    """A model and its task; digest is the hash of its checkpoint."""

    checkpoint: Path
    digest: str
    task: Any
    model: Any
    device: torch.device

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.task.cfg.source_lang, self.task.cfg.target_lang

    def generator(self, case: Case) -> Any:
        """The generator of fairseq's contract for `case`: all passes, no early exit; or plain beam search."""
        if case.iterations is None:
            return self.task.build_generator([self.model], Namespace(beam=case.size))
        options = Namespace(
            **{**NOTHING_GIVEN, "decoding_iterations": case.iterations},
            length_beam=case.size,
            gold_target_length=case.gold,
            original_decoding=False,
            decoding_dtype="float32",
            decoding_preset="full",
        )
        return self.task.build_generator([self.model], options)


def load_masked(
    checkpoint: Path, data: Optional[Path], languages: tuple[Optional[str], Optional[str]], device: str
) -> System:
    """A model of this package; `data` and `languages` are as in Translator."""
    task, models = load_models([checkpoint], data, *languages)
    return System(checkpoint, file_digest(checkpoint), task, models[0], move(models, device))


def load_autoregressive(checkpoint: Path, masked: System) -> System:
    """An autoregressive Transformer of fairseq, with the dictionaries and languages of `masked`."""
    if not checkpoint.is_file():
        raise CheckpointError(f"--teacher {checkpoint}: there is no such file")
    source, target = masked.languages
    data = masked.task.cfg.data
    overrides = {"data": data, "source_lang": source, "target_lang": target, "eval_bleu": False}
    state = checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint), overrides)
    cfg = state.get("cfg")
    if cfg is None or cfg.task._name != "translation":
        raise CheckpointError(f"--teacher {checkpoint} is no checkpoint of fairseq's --task translation")
    try:
        models, cfg, task = checkpoint_utils.load_model_ensemble_and_task([str(checkpoint)], state=state)
    except RuntimeError as error:  # what torch says about shapes
        first = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"--teacher {checkpoint} does not fit the dictionaries in {data}: it must have the same ones ({first})"
        ) from None
    if not isinstance(models[0], TransformerModelBase):
        raise CheckpointError(f"--teacher {checkpoint} is no autoregressive Transformer of fairseq")
    models[0].prepare_for_inference_(cfg)
    models[0].eval()
    return System(checkpoint, file_digest(checkpoint), task, models[0], move(models, str(masked.device)))
