"""How often a training step makes the host wait for a GPU."""

from __future__ import annotations

import pytest
import torch
from fake_gpu import FakeGpu
from torch import Tensor

from fairseq_cmlm.model.layer import LayerSize
from fairseq_cmlm.model.network import Network, NetworkSize, build_network
from fairseq_cmlm.training.noising import NOISINGS, Example
from fairseq_cmlm.training.objectives import OBJECTIVES, Batch, Losses
from fairseq_cmlm.training.options import Training

SOURCE = torch.tensor([[5, 6, 7, 8, 2], [9, 10, 2, 1, 1]])
TARGET = torch.tensor([[5, 6, 7, 2], [9, 2, 1, 1]])
KEYS = torch.tensor([3, 4])
# (function, operation) -> how often: the sizes of the packed source and target, and where the masks lie.
FOR_A_STEP = {("packing_of", "_local_scalar_dense"): 2, ("flat", "nonzero"): 1}
OF_AN_OBJECTIVE = {"cmlm": {}, "likelihood": {("likelihood", "_local_scalar_dense"): 1}}
# Objectives that run the decoder several times, or choose positions by what it wrote -> the most waits of a step.
MOST = {"cmlmc": 11, "smart": 8, "smart_all": 15, "glancing": 15, "hybrid": 6, "amom": 14, "minimum_risk": 8}


def network() -> Network:
    torch.manual_seed(0)
    layer = LayerSize(16, 32, 2, False, 0.0, 0.0, 0.0)
    return build_network(NetworkSize(layer, layer, 1, 2, words=(20, 20), positions=(30, 24), pads=(1, 1)))


def step(model: Network, options: Training, *batch: Tensor) -> Losses:
    source, target, keys = batch
    example = Example(target, target.ne(1), keys=keys, mask=19, source=source, readable=source.ne(1))
    losses = OBJECTIVES[options.objective].loss(model, Batch(source, example), options)
    (losses.loss / losses.size).backward()
    return losses


@pytest.mark.parametrize(
    "options",
    [
        *(Training(objective=name) for name in OBJECTIVES if not OBJECTIVES[name].heads),
        *(Training(noising=name) for name in NOISINGS),
    ],
    ids=lambda options: f"{options.objective}-{options.noising}",
)
def test_the_gradients_are_the_cpus_and_the_waits_are_few(options: Training) -> None:
    model = network()
    here = step(model, options, SOURCE, TARGET, KEYS)
    with FakeGpu() as gpu:
        with torch.device("gpu"):
            there = network()
        there.load_state_dict(model.state_dict())
        batch = [each.to("gpu") for each in (SOURCE, TARGET, KEYS)]
        gpu.waits.clear()
        found = step(there, options, *batch)
        if options.objective in MOST:
            assert gpu.waits.total() <= MOST[options.objective]
        else:
            assert dict(gpu.waits) == {**FOR_A_STEP, **OF_AN_OBJECTIVE[options.objective]}
        assert found.size == here.size and float(found.loss) == pytest.approx(float(here.loss), rel=1e-5)
        for mine, its in zip(model.parameters(), there.parameters()):
            assert its.grad.cpu().allclose(mine.grad, atol=1e-5)
