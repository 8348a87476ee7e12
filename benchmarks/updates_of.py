"""The updates of one version of the package, some at a time: the program that `python -m benchmarks updates` starts.

    python updates_of.py FOLDER FAIRSEQ-TRAIN-OPTIONS

FOLDER holds the version's `fairseq_cmlm`. For each number on standard input it makes as many updates of fairseq-train
and prints, as JSON, their target tokens, their processor seconds and the process's peak memory in MB; and behind a
number and `profile` the seconds of each operator of torch, without those of the operators that it calls.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Iterator


def trainer_of(arguments: list[str]) -> tuple[Any, Any, Any]:
    """Return task, model and trainer, as fairseq-train makes them."""
    import numpy as np
    import torch
    from fairseq import options, tasks, utils
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf
    from fairseq.trainer import Trainer

    torch.set_num_threads(1)
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), arguments))
    np.random.seed(cfg.common.seed)
    utils.set_torch_seed(cfg.common.seed)
    task = tasks.setup_task(cfg.task)
    task.load_dataset(cfg.dataset.train_subset)
    model = task.build_model(cfg.model)
    return task, model, Trainer(cfg, task, model, task.build_criterion(cfg.criterion))


def updates_of(task: Any, model: Any, trainer: Any) -> Iterator[list[Any]]:
    """Yield the batches of each update, `--update-freq` of them, of all epochs."""
    from fairseq.data.iterators import GroupedIterator

    frequencies = trainer.cfg.optimization.update_freq  # one an epoch, the last for all that follow
    for epoch in itertools.count(1):
        batches = trainer.get_train_iterator(epoch)
        task.begin_epoch(epoch, model)
        trainer.begin_epoch(epoch)
        frequency = frequencies[min(epoch, len(frequencies)) - 1]
        yield from GroupedIterator(batches.next_epoch_itr(shuffle=True), frequency)


def main() -> None:
    """Answer each line of standard input."""
    folder, *arguments = sys.argv[1:]
    os.environ["LOGLEVEL"] = "ERROR"
    sys.path[0] = folder  # this version, and no file beside this one
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed
    from fairseq.logging import metrics
    from torch.profiler import ProfilerActivity, profile

    task, model, trainer = trainer_of([*arguments, "--user-dir", str(Path(folder, "fairseq_cmlm")), "--cpu"])
    updates = updates_of(task, model, trainer)
    for line in sys.stdin:
        number, *profiled = line.split()
        tokens, start = 0, time.process_time()
        with profile(activities=[ProfilerActivity.CPU]) if profiled else nullcontext() as operators:
            for batches in itertools.islice(updates, int(number)):
                with metrics.aggregate(new_root=True):
                    trainer.train_step(batches)
                tokens += sum(batch["ntokens"] for batch in batches)
        found: dict[str, Any] = {"tokens": tokens, "seconds": time.process_time() - start}
        found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if operators is not None:
            found["operators"] = {one.key: one.self_cpu_time_total / 1e6 for one in operators.key_averages()}
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
