"""fairseq's autoregressive Transformer beside a masked model: loading it, and judging candidates with it."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Any, Iterator, Optional

import torch
from fairseq import checkpoint_utils, tasks, utils
from fairseq.models.transformer import TransformerModelBase
from omegaconf import open_dict
from torch import Tensor

from fairseq_cmlm.decoding.verification import Prefer, Preferred, preferred
from fairseq_cmlm.errors import CheckpointError, ModelError, OptionError
from fairseq_cmlm.inference.readers import ReadCandidates, check_positions
from fairseq_cmlm.model.network import LOGITS_AT_ONCE
from fairseq_cmlm.model.packing import Packing, packing_of
from fairseq_cmlm.plugin.same_words import check_words

logger = logging.getLogger(__name__)


def load_transformer(
    checkpoint: Path, data: Optional[Path], languages: tuple[Optional[str], Optional[str]], flag: str
) -> tuple[Any, TransformerModelBase]:
    """Return task and model as fairseq-generate prepares them, with the dictionaries in the folder `data`.

    languages  source and target, to replace the checkpoint's own
    flag       the option that names the checkpoint, for messages

    Raise a CheckpointError for any other model and for other dictionaries, and an OptionError for a model of the other
    direction.
    """
    try:
        return _loaded(checkpoint, data, languages)
    except (CheckpointError, OptionError) as error:
        raise type(error)(f"{flag} {checkpoint}: {error}") from None


def _loaded(checkpoint: Path, data: Optional[Path], languages: tuple[Optional[str], Optional[str]]) -> Any:
    if not checkpoint.is_file():
        raise CheckpointError("there is no such file: give a checkpoint, such as checkpoint_best.pt")
    state = checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint))
    cfg = state.get("cfg")
    if cfg is None or cfg.task._name != "translation":
        raise CheckpointError("it is no checkpoint of fairseq's --task translation")
    trained = (cfg.task.source_lang, cfg.task.target_lang)
    source, target = (asked or known for asked, known in zip(languages, trained))
    if source != target and trained == (target, source):
        raise OptionError(f"it translates from {target} to {source}: give the model from {source} to {target}")
    if "decoder.embed_tokens.weight" not in state["model"]:
        raise CheckpointError("it is no autoregressive Transformer of fairseq")
    folder = Path(data or utils.split_paths(cfg.task.data)[0])
    missing = [file for file in (folder / f"dict.{name}.txt" for name in (source, target)) if not file.is_file()]
    if missing:
        raise CheckpointError(f"{missing[0]} is missing: give the folder of its dictionaries as data")
    ours = {"data": str(data or cfg.task.data), "source_lang": source, "target_lang": target, "eval_bleu": False}
    task_cfg = cfg.task.copy()
    with open_dict(task_cfg):
        task_cfg.update(ours)
    task = tasks.setup_task(task_cfg)
    logger.info("%s: read with the dictionaries in %s (%s)", checkpoint, folder, check_words(state, task))
    models, cfg = checkpoint_utils.load_model_ensemble([str(checkpoint)], state=state, task=task)
    if not isinstance(models[0], TransformerModelBase):
        raise CheckpointError("it is no autoregressive Transformer of fairseq")
    models[0].prepare_for_inference_(cfg)
    models[0].eval()
    return task, models[0]


def is_transformer(checkpoint: Path) -> bool:
    """Return whether a checkpoint is of fairseq's --task translation."""
    return task_of(checkpoint) == "translation"


def task_of(checkpoint: Path) -> Optional[str]:
    """Return the --task of a checkpoint; None for a file that tells none, or is not there."""
    cfg = checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint)).get("cfg") if checkpoint.is_file() else None
    return None if cfg is None else str(cfg.task._name)


class Autoregressive:
    """A judge (inference/readers.py) that reads from left to right.

    The log-probabilities are those of fairseq-generate --score-reference: `</s>` precedes the first token and is the
    last one.
    """

    def __init__(self, model: TransformerModelBase, eos: int) -> None:
        self._model, self._eos = model, eos

    def read(self, source: Tensor, size: int) -> ReadCandidates:
        """Encode the source (B, S), to judge `size` candidates of each sentence."""
        return _Reading(self._model.to(source.device), self._eos, source, size)

    def prefer(self, source: Tensor, size: int) -> Prefer:
        """Encode the source (B, S), to say at each place of `size` candidates what this model would have said."""
        return _Reading(self._model.to(source.device), self._eos, source, size).preferred


class _Reading:
    """An encoded source of B sentences, and the model over its candidates."""

    @torch.no_grad()
    def __init__(self, model: TransformerModelBase, eos: int, source: Tensor, size: int) -> None:
        self._model, self._eos, self._size = model, eos, size
        check_positions("source", source.size(1), model.encoder.max_positions())
        self._encoded = model.encoder(source, src_lengths=source.ne(model.encoder.padding_idx).sum(1))
        self._rows = torch.arange(len(source) * size, device=source.device)
        self._checked = False

    @cached_property
    def _whole(self) -> Any:
        """Return the encoded source of all rows, made once for the passes over all of them."""
        return self._memory(self._rows)

    def _memory(self, rows: Tensor) -> Any:
        return self._model.encoder.reorder_encoder_out(self._encoded, rows // self._size)

    @torch.no_grad()
    def __call__(self, tokens: Tensor, real: Tensor, number: int, rows: Optional[Tensor]) -> Tensor:
        """Return the log-probability of each token given those to its left, as defined by `ReadCandidates`."""
        packing, states = self._states(tokens, real, number, rows)
        wanted = torch.split(packing.pack(tokens), self._part)
        parts = zip(self._log_probs(states), wanted)
        found = torch.cat([log_probs.gather(1, some[:, None]).squeeze(1) for log_probs, some in parts])
        self._refuse_nan(found)
        return packing.pad(found[:, None]).squeeze(2)

    @torch.no_grad()
    def preferred(self, tokens: Tensor, asked: Tensor, number: int, rows: Tensor) -> Preferred:
        """Return the likeliest token at each asked place, as defined by `Prefer`; fairseq bans the same ones."""
        packing, states = self._states(tokens, asked, number, rows)
        first = torch.zeros_like(asked)
        first[:, 0] = True
        firsts = torch.split(packing.pack(first), self._part)
        banned = [self._model.decoder.dictionary.pad()]
        parts = [preferred(one, some, banned, self._eos) for one, some in zip(self._log_probs(states), firsts)]
        words, sure = (torch.cat(part)[:, None] for part in zip(*parts))
        self._refuse_nan(sure)
        return Preferred(packing.pad(words).squeeze(2), packing.pad(sure).squeeze(2))

    def _refuse_nan(self, log_probs: Tensor) -> None:
        """Raise a ModelError for NaN, in the first pass alone: the host waits for the device."""
        if not self._checked and bool(log_probs.isnan().any()):
            raise ModelError(
                "the autoregressive model's outputs are not numbers (NaN): it diverged in training; use an earlier "
                "checkpoint of it"
            )
        self._checked = True

    def _states(self, tokens: Tensor, asked: Tensor, number: int, rows: Optional[Tensor]) -> tuple[Packing, Tensor]:
        """Return the last states (R, D) at the asked places of the candidates (n, T), and how they are packed."""
        decoder = self._model.decoder
        check_positions("target", tokens.size(1), decoder.max_positions())
        # Padding is read as words: no token to its left can see it, and fairseq would build masks for it.
        first = tokens.new_full((len(tokens), 1), self._eos)
        before = torch.cat([first, tokens[:, :-1]], dim=1)
        before = before.masked_fill(before == decoder.padding_idx, self._eos)
        states, _ = decoder.extract_features(before, self._whole if rows is None else self._memory(rows))
        packing = packing_of(asked, number)
        return packing, packing.pack(states)

    @property
    def _part(self) -> int:
        """Return how many states are projected at once."""
        return max(1, LOGITS_AT_ONCE // len(self._model.decoder.dictionary))

    def _log_probs(self, states: Tensor) -> Iterator[Tensor]:
        """Yield the log-probabilities (M, V) float32 of what follows the states (R, D), part by part."""
        for some in torch.split(states, self._part):
            logits = self._model.decoder.output_layer(some[None])
            yield self._model.get_normalized_probs((logits, None), log_probs=True)[0]
