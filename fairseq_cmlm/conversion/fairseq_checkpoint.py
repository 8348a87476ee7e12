"""The configuration and the checkpoint that a fairseq-train of this package would have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf

from fairseq_cmlm.conversion.released import ReleasedModel
from fairseq_cmlm.plugin.model import CMLMModel


def configuration(model: ReleasedModel, languages: tuple[str, str], folder: Path) -> Any:
    """Return the configuration of a fairseq-train on the data in `folder` that would have made this model."""
    values: dict[str, Any] = {
        "task": "translation_cmlm",
        "arch": "cmlm_base",
        "criterion": "cmlm_loss",
        "optimizer": "adam",
        "source-lang": languages[0],
        "target-lang": languages[1],
        "max-source-positions": model.positions[0],
        # The released code has a length index only for lengths below its number of positions.
        "max-target-positions": model.positions[1] - 1,
        "dropout": model.dropout,
        "attention-dropout": model.attention_dropout,
        "activation-dropout": model.relu_dropout,
    }
    flags = {
        "encoder-normalize-before": model.encoder.normalize_before,
        "decoder-normalize-before": model.decoder.normalize_before,
        "share-all-embeddings": model.share_all_embeddings,
        "share-decoder-input-output-embed": model.share_decoder_input_output_embed,
    }
    for name, side in (("encoder", model.encoder), ("decoder", model.decoder)):
        for size in ("layers", "embed_dim", "ffn_embed_dim", "attention_heads"):
            values[f"{name}-{size.replace('_', '-')}"] = getattr(side, size)
    # Written as one word with its option, no value from a checkpoint can be read as another option.
    arguments = [str(folder.absolute()), *(f"--{name}={value}" for name, value in values.items())]
    arguments += [f"--{name}" for name, on in flags.items() if on]
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), arguments))


def checkpoint(model: CMLMModel, cfg: Any, task_state: dict[str, Any]) -> dict[str, Any]:
    """Return what fairseq-train would save, without optimizer state; --finetune-from-model trains it further."""
    history = {"criterion_name": "CMLMLoss", "optimizer_name": "FairseqAdam", "lr_scheduler_state": {}}
    return {
        "args": None,
        "cfg": OmegaConf.to_container(cfg, resolve=True, enum_to_str=True),
        "model": model.state_dict(),
        "criterion": None,
        "optimizer_history": [{**history, "num_updates": 0}],
        "task_state": task_state,
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}},
    }
