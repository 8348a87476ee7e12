"""Schedules, strategies, rules and words are those of the package under torch, on many inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("onnxruntime", reason="the runtime needs onnxruntime")

from fairseq_cmlm import schedule as torch_schedule
from fairseq_cmlm import translator
from fairseq_cmlm.decoding import lengths as torch_lengths
from fairseq_cmlm.decoding import strategy as torch_strategy
from fairseq_cmlm.runtime import lengths, schedule, strategy
from fairseq_cmlm.runtime.bundle import Bundle


def test_schedules_have_the_same_counts() -> None:
    assert schedule.SCHEDULES.keys() == torch_schedule.SCHEDULES.keys()
    sizes = torch.arange(1, 200)
    for name, one in torch_schedule.SCHEDULES.items():
        for total in (1, 2, 3, 4, 7, 10, 12, 50):
            for done in range(1, total + 2):
                passes = torch.full_like(sizes, total)
                wanted = torch_schedule.remasked_count(one, sizes, done, passes)
                found = schedule.remasked_count(schedule.SCHEDULES[name], sizes.numpy(), done, passes.numpy())
                assert found.tolist() == wanted.tolist(), (name, total, done)


def test_the_lowest_are_the_same_ties_too() -> None:
    numbers = np.random.default_rng(0)
    for _ in range(50):
        values = numbers.integers(0, 4, (3, 9)).astype(np.float32)
        count, among = numbers.integers(0, 10, 3), numbers.random((3, 9)) < 0.7
        wanted = torch_strategy.lowest(*map(torch.from_numpy, (values, count[:, None], among)))
        assert strategy.lowest(values, count, among).tolist() == wanted.tolist()


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("scale", [0.3, 0.9, 1.0, 1.05, 1.5, 1.9])
@pytest.mark.parametrize("size", [1, 4, 50])
def test_the_same_lengths_are_decoded(size: int, scale: float, empty: bool) -> None:
    logits = np.random.default_rng(size).normal(size=20).astype(np.float32)
    log_probs = torch_lengths.scaled(torch_lengths.length_log_probs(torch.from_numpy(logits)[None]), scale)
    wanted = torch_lengths.predicted(log_probs, size, torch.tensor([empty]))
    numpys = lengths.scaled(lengths.length_log_probs(logits), scale)
    np.testing.assert_allclose(numpys, log_probs[0].numpy(), rtol=1e-5, atol=1e-5)
    found = lengths.candidates_of(numpys, size, empty, 2.0)
    possible = wanted.log_probs[0].isfinite()
    assert found.lengths.tolist() == wanted.lengths[0][possible].tolist()
    assert found.places == wanted.lengths.size(1)
    bonus = 2.0 * wanted.log_probs[0][possible] / wanted.lengths[0][possible]
    assert found.bonus == pytest.approx(bonus.numpy(), abs=1e-6)


def test_words_are_looked_up_alike(checkpoint: Path, bundle: Path) -> None:
    task, opened = translator.Translator(checkpoint)._task, Bundle(bundle)
    for dictionary, words in ((task.source_dictionary, opened._source), (task.target_dictionary, opened._target)):
        for line in (" ".join(dictionary.symbols), "never seen </s> <s> <pad> <unk> <mask> dog", ""):
            ids = dictionary.encode_line(line, add_if_not_exist=False).long()
            assert words.ids(line).tolist() == ids.tolist()
            assert words.subwords(ids.tolist()) == dictionary.string(ids)
