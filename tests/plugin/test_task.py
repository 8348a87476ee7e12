"""Which process gets which batches, and which direction a model is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.tasks import FairseqTask
from fairseq_commands import load_task

from fairseq_cmlm.errors import OptionError, TextError
from fairseq_cmlm.plugin.task import TranslationCMLMTask


def parts(task: TranslationCMLMTask, shards: int, processes: int, sentences: int) -> list[list[int]]:
    """The sentences that each process of each shard gets, in batches of `sentences`."""
    task.cfg.num_shards = shards
    found = []
    for task.cfg.shard_id in range(shards):
        for rank in range(processes):
            part = {"num_shards": processes, "shard_id": rank, "disable_iterator_cache": True}
            iterator = task.get_batch_iterator(dataset=task.dataset("test"), max_sentences=sentences, **part)
            batches = iterator.next_epoch_itr(shuffle=False)
            found.append([i for batch in batches if "id" in batch for i in batch["id"].tolist()])
    return found


@pytest.mark.parametrize(("shards", "processes"), [(1, 1), (3, 1), (1, 3), (2, 3), (3, 2)])
def test_every_sentence_goes_to_one_process_of_one_shard(data: Path, shards: int, processes: int) -> None:
    found = parts(load_task(data), shards, processes, sentences=2)
    assert len(found) == shards * processes and all(found)
    assert sorted(i for part in found for i in part) == list(range(17))


@pytest.mark.parametrize(("shards", "processes"), [(9, 1), (1, 9), (3, 2)])
def test_more_parts_than_batches_are_refused_in_generation_alone(data: Path, shards: int, processes: int) -> None:
    task = load_task(data)
    with pytest.raises(OptionError, match=f"--num-shards {shards}.* is more than the 5 batch"):
        parts(task, shards, processes, sentences=4)
    if shards == 1:  # validation by 9 GPUs: four of them wait for the others
        task._learns = True
        assert sorted(map(len, parts(task, 1, processes, sentences=4))) == [0, 0, 0, 0, 1, 4, 4, 4, 4]


@pytest.mark.parametrize("ignored", [False, True])
def test_a_sentence_that_no_batch_can_hold_is_too_long(data: Path, ignored: bool) -> None:
    task = load_task(data)
    longest = int(max(*task.dataset("test").src_sizes, *task.dataset("test").tgt_sizes))
    message = "no sentence is left" if ignored else "17 line.* the first of them line 1 with"
    with pytest.raises(TextError, match=message):
        task.get_batch_iterator(dataset=task.dataset("test"), max_tokens=3, ignore_invalid_inputs=ignored)
    task = load_task(data)
    all_of_it = task.get_batch_iterator(dataset=task.dataset("test"), max_tokens=longest)
    assert sum(map(len, all_of_it.frozen_batches)) == 17


def test_no_lines_are_no_batches(data: Path) -> None:
    task = load_task(data)
    batches = task.get_batch_iterator(dataset=task.build_dataset_for_inference([], []), max_sentences=2)
    assert list(batches.next_epoch_itr(shuffle=False)) == []


def test_a_validation_has_the_same_masks_whatever_the_seed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, keys = load_task(data), []

    def noted(self: FairseqTask, sample: dict[str, Any], *others: object) -> tuple[int, int, dict[str, Any]]:
        keys.append(sample["noise_keys"])
        return 0, 0, {}

    monkeypatch.setattr(FairseqTask, "valid_step", noted)
    for seed in (1, 2):
        task.cfg.seed = seed
        task.valid_step({"id": torch.arange(3)}, None, None)
    assert keys[0].equal(keys[1])
