"""Training steps on a CUDA device against the CPU: gradients, precisions, waits, memory and the optimizer."""

from __future__ import annotations

import contextlib
import warnings
from copy import deepcopy

import pytest
import torch
from fairseq.optim.adam import Adam
from test_fused_adam import OPTIONS, parameters, saved, update
from test_training_waits import FOR_A_STEP, KEYS, MOST, OF_AN_OBJECTIVE, SOURCE, TARGET, network, step
from torch import Tensor

from fairseq_cmlm.model.network import Network
from fairseq_cmlm.training.fused_adam import FusedAdam
from fairseq_cmlm.training.losses import token_loss
from fairseq_cmlm.training.objectives import OBJECTIVES
from fairseq_cmlm.training.options import Training

DEVICE = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none"),
]
each_objective = pytest.mark.parametrize("objective", [name for name in OBJECTIVES if not OBJECTIVES[name].heads])
LARGER = [each.repeat(40, 1) for each in (SOURCE, TARGET)]


def batch(device: str) -> list[Tensor]:
    """80 sentence pairs."""
    return [each.to(device) for each in (*LARGER, torch.arange(80) + KEYS[0])]


def gradients(model: Network) -> dict[str, Tensor]:
    return {name: each.grad.float().cpu() for name, each in model.named_parameters() if each.grad is not None}


@each_objective
def test_the_gradients_are_the_cpus(objective: str) -> None:
    model = network()
    there = deepcopy(model).to(DEVICE)
    here, found = (
        step(each, Training(objective=objective), *batch(device)) for each, device in ((model, "cpu"), (there, DEVICE))
    )
    assert found.size == here.size and float(found.loss) == pytest.approx(float(here.loss), rel=1e-4)
    for name, gradient in gradients(there).items():
        assert gradient.allclose(gradients(model)[name], atol=1e-5), name


@pytest.mark.parametrize("precision", ["autocast-bfloat16", "autocast-float16", "bfloat16", "float16"])
def test_lower_precision_has_nearly_the_gradients(precision: str) -> None:
    """--training-dtype bfloat16, --amp, --bf16 and --fp16, the last two with a model in that type."""
    kind, _, dtype = precision.rpartition("-")
    model, lower = network().to(DEVICE), network().to(DEVICE)
    step(model, Training(), *batch(DEVICE))
    lower = lower if kind else lower.to(getattr(torch, dtype))
    context = torch.autocast("cuda", getattr(torch, dtype)) if kind else contextlib.nullcontext()
    with context:
        step(lower, Training(), *batch(DEVICE))
    expected, found = (torch.cat([each.flatten() for each in gradients(one).values()]) for one in (model, lower))
    assert found.isfinite().all()
    assert torch.cosine_similarity(expected, found, dim=0) > 0.99


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_loss_of_many_rows(dtype: torch.dtype) -> None:
    """More rows than go through at a time."""
    logits, target = torch.randn(3000, 50).to(dtype), torch.randint(50, (3000,))
    here, there = logits.clone().requires_grad_(), logits.to(DEVICE).requires_grad_()
    expected, found = token_loss(here * 1, target, 0.1), token_loss(there * 1, target.to(DEVICE), 0.1)
    expected.smoothed.backward()
    found.smoothed.backward()
    assert float(found.nll) == pytest.approx(float(expected.nll), rel=1e-4)
    assert there.grad.cpu().float().allclose(here.grad.float(), atol=1e-5 if dtype == torch.float32 else 1e-2)


@each_objective
def test_a_step_waits_as_often_as_is_known(objective: str) -> None:
    model, given = network().to(DEVICE), batch(DEVICE)
    step(model, Training(objective=objective), *given)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            step(model, Training(objective=objective), *given)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found = sum("synchronizing" in str(warning.message) for warning in caught)
    few = sum(FOR_A_STEP.values()) + sum(OF_AN_OBJECTIVE.get(objective, {}).values())
    assert found <= MOST.get(objective, few)


def test_memory_comes_back() -> None:
    model, given, used = network().to(DEVICE), batch(DEVICE), []
    for _ in range(4):
        step(model, Training(), *given)
        torch.cuda.synchronize()
        used.append(torch.cuda.memory_allocated())
    assert used[1] == used[2] == used[3]


def test_the_fused_adam_is_fairseqs_of_the_cpu() -> None:
    expected, found = parameters(), [each.detach().to(DEVICE).requires_grad_() for each in parameters()]
    theirs, fused = Adam(expected, **OPTIONS), FusedAdam(found, **OPTIONS)
    for made in range(12):
        update(theirs, [made])
        for mine, its in zip(found, expected):
            mine.grad = its.grad.to(DEVICE)
        fused.param_groups[0]["lr"] = theirs.param_groups[0]["lr"]
        fused.step()
        for mine, its in zip(found, expected):
            assert mine.cpu().allclose(its, rtol=1e-5, atol=1e-6)
    # It resumes exactly from its checkpoint, and a training goes from a GPU to a CPU.
    again = [each.detach().clone().requires_grad_() for each in found]
    resumed, on_cpu = FusedAdam(again, **OPTIONS), Adam(expected, **OPTIONS)
    resumed.load_state_dict(saved(fused))
    on_cpu.load_state_dict(saved(fused))
    for mine, its in zip(found, again):
        mine.grad = its.grad = torch.ones_like(mine)
    fused.param_groups[0]["lr"] = resumed.param_groups[0]["lr"]
    fused.step()
    resumed.step()
    assert all(mine.equal(its) for mine, its in zip(found, again))
