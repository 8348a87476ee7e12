from __future__ import annotations

import pytest
import torch
from torch import nn

from fairseq_cmlm.model.linear import Linear, rounded, with_rounded_rows


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(0, 0), (1, 16), (16, 16), (17, 32), (511, 512), (512, 512), (513, 544), (1023, 1024), (3400, 3456), (4096, 4096)],
)
def test_rows_are_rounded_to_few_numbers_near_them(rows: int, expected: int) -> None:
    assert rounded(rows) == expected
    assert with_rounded_rows(torch.ones(rows, 3)).sum() == 3 * rows
    assert with_rounded_rows(torch.ones(rows, 3)).shape == (expected, 3)


def test_there_are_few_numbers_of_rows() -> None:
    numbers = {rounded(rows) for rows in range(1, 8193)}
    assert len(numbers) <= 16 * 6
    assert all(rows <= rounded(rows) < rows * (1 + 1 / 8) for rows in range(128, 8193))


@pytest.mark.parametrize("rows", [1, 13, 16, 600])
def test_bfloat16_products_have_rounded_rows_and_the_same_outputs(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    sizes: list[int] = []
    product = nn.functional.linear

    def seen(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        sizes.append(x.size(0))
        return product(x, weight, bias)

    linear, x = Linear(24, 40), torch.randn(rows, 24)
    expected = product(x.bfloat16(), linear.weight.bfloat16(), linear.bias.bfloat16())
    monkeypatch.setattr(nn.functional, "linear", seen)
    assert linear(x).equal(product(x, linear.weight, linear.bias))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = linear(x)
    low = linear.bfloat16()(x.bfloat16())
    assert sizes == [rows, rounded(rows), rounded(rows)]
    for found in (mixed, low):
        assert found.dtype == torch.bfloat16 and found.shape == (rows, 40)
        assert (found - expected).abs().max() <= 0.01 * expected.abs().max()


def test_gradients_are_those_of_the_rows_alone() -> None:
    torch.manual_seed(1)
    linear, plain = Linear(24, 40), nn.Linear(24, 40)
    plain.load_state_dict(linear.state_dict())
    gradients = []
    for layer in (linear, plain):
        x = torch.randn(21, 24, generator=torch.Generator().manual_seed(2)).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y = layer(x)
        y.float().square().sum().backward()
        gradients.append([x.grad, layer.weight.grad, layer.bias.grad])
    for found, expected in zip(*gradients):
        assert found is not None and expected is not None
        assert (found - expected).norm() < 0.01 * expected.norm()
