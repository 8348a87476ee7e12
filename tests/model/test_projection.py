from __future__ import annotations

import copy
import pickle
from typing import Callable

import pytest
import torch
from torch import nn

from fairseq_cmlm.model import projection
from fairseq_cmlm.model.projection import Int8Projection, Projection, int8_is_supported

needs_int8 = pytest.mark.skipif(not int8_is_supported(), reason="no products of 8 bits on this processor")


@pytest.fixture
def x() -> torch.Tensor:
    torch.manual_seed(3)
    return torch.randn(6, 16)


@pytest.mark.parametrize("size", [1, 7, 30, 100])
def test_blocks_are_the_outputs_in_parts(size: int, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "BLOCK", size)
    linear = Projection(16, 30, bias=False)
    blocks = list(linear.blocks(x))
    assert all(block.size(1) <= size for block in blocks)
    assert torch.cat(blocks, dim=1).allclose(linear(x), atol=1e-6)


@needs_int8
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [7, 100])
def test_8_bits_are_near_the_float_outputs(
    size: int, bias: bool, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "BLOCK", size)
    linear = nn.Linear(16, 30, bias=bias)
    with torch.no_grad():
        linear.weight[3] *= 100  # an output of another size keeps its own scale
        expected = linear(x)
        found = Int8Projection(linear)(x)
    error = (found - expected).norm(dim=0) / expected.norm(dim=0)
    assert error.max() < 0.03
    assert not found.equal(expected)


@needs_int8
def test_a_row_does_not_depend_on_the_others(x: torch.Tensor) -> None:
    linear = Int8Projection(nn.Linear(16, 30))
    beside = torch.cat([x[:2], 1000 * x[2:]])
    assert linear(beside)[:2].equal(linear(x[:2]))


@needs_int8
def test_values_are_rounded_to_the_nearest_of_255(x: torch.Tensor) -> None:
    linear = nn.Linear(3, 1, bias=False)
    nn.init.ones_(linear.weight)
    # The scale is 1.27 / 127: the inputs are 127, 50 and -25 steps.
    found = Int8Projection(linear)(torch.tensor([[1.27, 0.504, -0.246]]))
    assert float(found) == pytest.approx(1.27 + 0.50 - 0.25, abs=1e-6)


@needs_int8
def test_zero_stays_zero() -> None:
    assert Int8Projection(nn.Linear(4, 2, bias=False))(torch.zeros(3, 4)).eq(0).all()


def laid_out(outputs: int, dtype: torch.dtype = torch.float32, bias: bool = True) -> Projection:
    torch.manual_seed(3)
    made = Projection(24, outputs, bias).to(dtype).eval()
    made.lay_out()
    assert made._laid_out
    return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("outputs", "bias"), [(7, True), (7, False), (40, False), (40, True)])
@torch.no_grad()
def test_weights_laid_out_multiply_as_others(
    outputs: int, bias: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("needs a processor that multiplies bfloat16, and this one does not")
    monkeypatch.setattr(projection, "BLOCK", 16)
    made = laid_out(outputs, dtype, bias)
    x, plain = torch.randn(5, 24).to(dtype), torch.nn.Linear(24, outputs, bias).to(dtype)
    plain.load_state_dict(made.state_dict())
    close = {"rtol": 1e-2, "atol": 1e-2} if dtype == torch.bfloat16 else {"rtol": 1e-5, "atol": 1e-6}
    assert made(x).allclose(plain(x), **close)
    together = torch.cat(list(made.blocks(x)), dim=1)
    assert together.allclose(plain(x) - (plain.bias if bias else 0), **close)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.train(),
        lambda made: made.load_state_dict(Projection(24, 7).state_dict()),
        lambda made: made.double(),
        lambda made: made.to("meta"),
        lambda made: made._apply(lambda values: values.detach().mul_(2)),
    ],
)
def test_what_changes_the_weights_undoes_their_layout(change: Callable[[Projection], object]) -> None:
    made = laid_out(7)
    change(made)
    assert not made._laid_out


def test_a_move_to_where_they_are_keeps_their_layout() -> None:
    made = laid_out(7)
    assert made.to("cpu").float()._laid_out


def test_a_change_of_a_shared_weight_undoes_its_layout() -> None:
    made, embedding = laid_out(7), torch.nn.Embedding(7, 24)
    embedding.weight = made.weight
    both = torch.nn.ModuleList([embedding, made]).double()
    assert not made._laid_out and both[1](torch.ones(1, 24).double()).dtype == torch.float64


def test_weights_made_in_inference_mode_are_laid_out_and_moved() -> None:
    with torch.inference_mode():
        made = laid_out(7)
        assert made.to("cpu")._laid_out and not made.double()._laid_out


def test_gradients_flow_and_copies_are_whole() -> None:
    made = laid_out(7)
    made(torch.ones(1, 24)).sum().backward()
    assert made.weight.grad is not None
    for copied in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert not copied._laid_out and copied(torch.ones(2, 24)).equal(made(torch.ones(2, 24)))
    assert made._laid_out


def test_autocast_reads_the_plain_weights() -> None:
    made, x = laid_out(7), torch.randn(2, 24)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for found in (made(x.bfloat16()), made(x), *made.blocks(x.bfloat16())):
            assert found.dtype == torch.bfloat16
