"""Repairs of fairseq's training: its optimizer, moving average, and trainings of several processes."""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional

import torch
from fairseq import distributed
from fairseq.data import ConcatDataset
from fairseq.data.iterators import EpochBatchIterator
from fairseq.models.ema.ema import EMA
from fairseq.modules import FairseqDropout
from fairseq.optim.adam import Adam, FairseqAdam
from fairseq.optim.amp_optimizer import AMPOptimizer
from fairseq.trainer import Trainer
from torch import Tensor

from fairseq_cmlm.model.dropout import dropout
from fairseq_cmlm.training.fused_adam import FusedAdam


def decay_tied_tables_once() -> None:
    """Repair: --store-ema averages a table once per name, three times with --share-all-embeddings (fairseq 0.12).

    Without this, the table's average forgets faster than the rest of the model.
    """
    original = EMA._step_internal

    @functools.wraps(original)
    def step(self: EMA, new_model: torch.nn.Module, updates: Optional[int] = None) -> None:
        averages = self.fp32_params if self.config.ema_fp32 else self.model.state_dict()
        tables = {averages[name].data_ptr() if name in averages else name: name for name in new_model.state_dict()}
        original(self, _Named(new_model, set(tables.values())), updates)

    EMA._step_internal = step


class _Named:
    """A view of a model that shows only the tensors `names`."""

    def __init__(self, model: torch.nn.Module, names: set[str]) -> None:
        self._model, self._names = model, names

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in self._model.state_dict().items() if name in self._names}


def unscale_gradients_once() -> None:
    """Repair: --amp divides gradients by the loss scale twice, unscaling one optimizer and stepping another (0.12).

    With the first scale, 128, --adam-eps is then larger than most gradients, and the model learns little.
    """

    def step(self: AMPOptimizer) -> None:
        self.scaler.step(self.optimizer)
        self.scaler.update()

    AMPOptimizer.step = step


def fuse_adam() -> None:
    """Repair: --optimizer adam launches seven kernels per parameter without NVIDIA's apex (all versions).

    torch now has a fused Adam for CPU and CUDA. --use-old-adam keeps fairseq's, as do parameters that are not float32
    (--memory-efficient-fp16).
    """
    original = FairseqAdam.__init__

    @functools.wraps(original)
    def init(self: FairseqAdam, cfg: Any, params: list[torch.nn.Parameter]) -> None:
        original(self, cfg, params)
        each = [one for group in self.param_groups for one in group["params"]]
        can = all(one.dtype == torch.float32 and one.device.type in ("cpu", "cuda") for one in each)
        if isinstance(self.optimizer, Adam) and can and not getattr(cfg, "use_old_adam", False):
            self._optimizer = FusedAdam(params, **self.optimizer_config)

    FairseqAdam.__init__ = init


def draw_dropout_cheaply() -> None:
    """Repair: dropout takes a seventh of an autoregressive teacher's training time on a CPU (all versions of torch).

    Have fairseq's modules draw their masks as our network does.
    """
    original = FairseqDropout.forward

    @functools.wraps(original)
    def forward(self: FairseqDropout, x: Tensor, inplace: bool = False) -> Tensor:
        drops = self.p > 0 and (self.training or self.apply_during_inference)
        return dropout(x, self.p) if drops and x.is_cpu else original(self, x, inplace)

    FairseqDropout.forward = forward


def train_on_several_texts() -> None:
    """Repair: a folder with train and train1 ends in "negative dimensions are not allowed" (all versions).

    fairseq takes the default of --upsample-primary, -1, as the number of times to read train; read it once.
    """
    original = ConcatDataset.__init__

    @functools.wraps(original)
    def init(self: ConcatDataset, datasets: Any, sample_ratios: Any = 1) -> None:
        if isinstance(sample_ratios, list):
            sample_ratios = [1 if ratio == -1 else ratio for ratio in sample_ratios]
        original(self, datasets, sample_ratios)

    ConcatDataset.__init__ = init


def leave_out_dummy_batches() -> None:
    """Repair: at the end of an epoch a process forgets the size of batches that it has learned from (fairseq 0.12).

    With several processes and --update-freq, the last update of some ends in a dummy batch, and fairseq then takes all
    batches of that process for dummies: their gradients count, but not their number of tokens. A dummy behind real
    batches is of no use where processes talk once an update, as they do unless parameters are sharded.
    """
    original = Trainer.train_step

    @functools.wraps(original)
    def train_step(self: Trainer, samples: list[Any], raise_oom: bool = False) -> Any:
        real = [sample for sample in samples if sample is not None and len(sample) > 0]
        together = self.cfg.distributed_training.ddp_backend == "fully_sharded"
        return original(self, samples if together or not real else real, raise_oom)

    Trainer.train_step = train_step


def send_checkpoints_to_all_processes() -> None:
    """Repair: a training of several processes cannot resume, because the others refuse what the first one has read.

    They unpickle it like a foreign file (torch >= 2.6, weights_only), and its options are omegaconf's. It comes from a
    process of the same training, which has read the file safely.
    """

    def broadcast_object(found: Any, src_rank: int, group: Any, dist_device: torch.device) -> Any:
        objects = [found]
        torch.distributed.broadcast_object_list(objects, src=src_rank, group=group, device=dist_device)
        return objects[0]

    distributed.utils._broadcast_object_slow = broadcast_object


def resume_on_other_processes() -> None:
    """Repair: a resume within an epoch with another number of processes skips or repeats data (fairseq 0.12).

    fairseq counts batches per process: after 10 batches of one process, two processes would skip 10 each. Save the
    number of processes, and resume at the position of all batches together, rounded down.
    """
    save, load = EpochBatchIterator.state_dict, EpochBatchIterator.load_state_dict

    @functools.wraps(save)
    def state_dict(self: EpochBatchIterator) -> dict[str, Any]:
        return {**save(self), "num_shards": self.num_shards}

    @functools.wraps(load)
    def load_state_dict(self: EpochBatchIterator, state: dict[str, Any]) -> None:
        before = state.get("num_shards", self.num_shards)
        position = state.get("iterations_in_epoch", 0) * before // self.num_shards
        load(self, {**state, "iterations_in_epoch": position})

    EpochBatchIterator.state_dict, EpochBatchIterator.load_state_dict = state_dict, load_state_dict


TRAINING_REPAIRS: list[Callable[[], None]] = [
    decay_tied_tables_once,
    unscale_gradients_once,
    fuse_adam,
    draw_dropout_cheaply,
    train_on_several_texts,
    leave_out_dummy_batches,
    send_checkpoints_to_all_processes,
    resume_on_other_processes,
]
