"""`--init-from`: begin a training with the parameters of another model."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Mapping, Sequence

from fairseq import checkpoint_utils
from fairseq.models.transformer import TransformerConfig
from torch import Tensor

from fairseq_cmlm.errors import CheckpointError, OptionError, TextError
from fairseq_cmlm.plugin.fairseq_transformer import PAD, differences, heads, our_parameters
from fairseq_cmlm.plugin.model import CMLMConfig, CMLMModel
from fairseq_cmlm.plugin.same_words import check_words

logger = logging.getLogger(__name__)

_SIZES = tuple(
    f"{side}_{size}"
    for side in ("encoder", "decoder")
    for size in ("layers", "embed_dim", "ffn_embed_dim", "attention_heads", "normalize_before")
)
_TABLES = (
    ("encoder.embedding.tokens.weight", "decoder.embedding.tokens.weight"),
    ("decoder.embedding.tokens.weight", "decoder.output.weight"),
)


def warm_start(model: CMLMModel, cfg: CMLMConfig, task: Any) -> None:
    """Give `model` the parameters of --init-from: a cmlm checkpoint, or one of fairseq's autoregressive Transformer.

    Do nothing if the training resumes from its own checkpoint. Raise an OptionError with the options that would fit, or
    a CheckpointError, if the model does not fit. Log in one line which parameters were taken and which were not.
    """
    if not cfg.init_from or _resumes(cfg):
        return
    try:
        state = _read(cfg.init_from)
        taken = _fill(model, cfg, task, state)
        task.take_text(state.get("task_state") or {})
    except (CheckpointError, TextError) as error:
        raise CheckpointError(f"--init-from {cfg.init_from}: {error}") from None
    logger.info(f"--init-from {cfg.init_from}: {taken}")


def _resumes(cfg: CMLMConfig) -> bool:
    """Return whether fairseq-train will find a checkpoint to resume from."""
    default = cfg.restore_file == "checkpoint_last.pt"
    return Path(cfg.save_dir, cfg.restore_file).exists() if default else Path(cfg.restore_file).exists()


def _read(path: str) -> dict[str, Any]:
    if not Path(path).is_file():
        raise CheckpointError("there is no such file")
    state: dict[str, Any] = checkpoint_utils.load_checkpoint_to_cpu(path)
    return state


def _fill(model: CMLMModel, cfg: CMLMConfig, task: Any, state: Mapping[str, Any]) -> str:
    """Load the parameters; return a text that says what was done."""
    theirs, options, ours = state["model"], state["cfg"].model, model.state_dict()
    name = getattr(options, "arch", None) or getattr(options, "_name", None)
    done = f"{name} after {state['optimizer_history'][-1]['num_updates']} updates; taken: "
    if "dictionary_version" in theirs:
        _check_sizes(cfg, options, [*_SIZES, "max_source_positions", "max_target_positions"], [])
        found, done = _with_heads_of(ours, theirs), done + "everything"
    elif "decoder.layers.0.encoder_attn.q_proj.weight" in theirs:
        config = TransformerConfig.from_namespace(options)
        _check_sizes(cfg, config, _SIZES, _too_few_positions(cfg, theirs))
        words = check_words(state, task)
        found = our_parameters(theirs, config, ours)
        done += f"embeddings ({words}), positions, encoder, decoder; left as initialised: lengths, <mask>; "
        done += f"different here: {', '.join(differences(config))}"
    else:
        raise CheckpointError("it holds neither a cmlm model nor a Transformer for translation (fairseq >= 0.9)")
    if heads(ours) - heads(theirs):
        done += f"; left as initialised: {', '.join(sorted(heads(ours) - heads(theirs)))}"
    for one, other in _TABLES:
        if ours[one].data_ptr() == ours[other].data_ptr() and not found[one].equal(found[other]):
            raise CheckpointError(
                "it has two tables where --share-all-embeddings or --share-decoder-input-output-embed makes one of "
                f"{one} and {other}: leave the option out"
            )
    model.load_state_dict(found)
    return done


def _with_heads_of(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return their parameters with the heads of ours, because another objective may have other heads."""
    kept = {name: value for name, value in theirs.items() if name not in heads(theirs) - heads(ours)}
    return {**{name: ours[name] for name in heads(ours)}, **kept}


def _check_sizes(cfg: CMLMConfig, theirs: Any, names: Sequence[str], others: Sequence[str]) -> None:
    """Raise an OptionError if options `names` differ; `others` are right values of options found wrong already."""
    wrong = [_as_option(name, getattr(theirs, name)) for name in names if getattr(theirs, name) != getattr(cfg, name)]
    if wrong or others:
        raise OptionError(f"--init-from {cfg.init_from} is a model of other sizes: give {', '.join([*wrong, *others])}")


def _as_option(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return option if value else f"no {option}"
    return f"{option} {value}"


def _too_few_positions(cfg: CMLMConfig, theirs: Mapping[str, Tensor]) -> list[str]:
    """Return the position options of `cfg` that exceed the size of their learned position tables, if they have any."""
    found = []
    for side, text in (("encoder", "source"), ("decoder", "target")):
        table = theirs.get(f"{side}.embed_positions.weight")
        if table is not None and len(table) - PAD - 1 < getattr(cfg, f"max_{text}_positions"):
            found.append(f"--max-{text}-positions {len(table) - PAD - 1} or less")
    return found
