"""Training in bfloat16 on a CPU: the same function and gradients, by other steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_cmlm.model import encoder, packing
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.dropout import Dropout
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.model.reduced_training import attention

SOURCE = torch.tensor([[5, 6, 7, 2], [8, 9, 2, 1]])
CANVAS = torch.tensor([[10, 4, 12, 2], [4, 4, 1, 1]])


def with_gradients(function: object, *inputs: Tensor) -> list[Tensor]:
    leaves = [one.clone().requires_grad_() for one in inputs]
    found: Tensor = function(*leaves)  # type: ignore[operator]
    (found * torch.linspace(-1, 1, found.numel()).view(found.shape)).sum().backward()
    return [found.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


@pytest.mark.parametrize("columns", [1, 5, 16, 17])
def test_attention_is_torchs(columns: int) -> None:
    torch.manual_seed(1)
    query = torch.randn(3, 2, 7, 8)
    key, value = torch.randn(2, 3, 2, columns, 8)
    attend = torch.rand(3, 1, 1, columns) < 0.7
    attend[..., 0] = True
    expected = with_gradients(
        lambda *x: functional.scaled_dot_product_attention(*x, attn_mask=attend), query, key, value
    )
    found = with_gradients(lambda *x: attention(*x, attend, Dropout(0.0)), query, key, value)
    for one, other in zip(found, expected):
        assert one.allclose(other, atol=1e-5)
    lowered = with_gradients(
        lambda *x: attention(*(part.bfloat16() for part in x), attend, Dropout(0.0)).float(), query, key, value
    )
    for one, other in zip(lowered, expected):
        assert one.allclose(other, atol=0.05 * float(other.abs().max()) + 1e-3)


def test_attention_weights_are_dropped() -> None:
    value = torch.eye(64).view(1, 1, 64, 64)
    zeros, attend = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 1, 64, dtype=torch.bool)
    weights = attention(zeros, zeros, value, attend, Dropout(0.5))
    assert weights.eq(0).float().mean() == pytest.approx(0.5, abs=0.05)
    assert weights.max() == pytest.approx(2 / 64)


def parameters_and_gradients(both: tuple[Encoder, Decoder], reduced: bool) -> tuple[Tensor, dict[str, Tensor]]:
    network = nn.ModuleList(both).train()
    for module in network.modules():
        if isinstance(module, Dropout):
            module.probability = 0.0
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        memory = both[1].memory(both[0](SOURCE))
        logits = both[1](CANVAS, memory, torch.tensor([1, 2, 4])).float()
    functional.cross_entropy(logits, torch.tensor([7, 8, 9])).backward()
    return logits.detach(), {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def test_the_networks_gradients_are_close_to_float32s(both: tuple[Encoder, Decoder]) -> None:
    logits, exact = parameters_and_gradients(both, reduced=False)
    lower, found = parameters_and_gradients(both, reduced=True)
    assert lower.allclose(logits, atol=0.1 * float(logits.abs().max())) and not lower.equal(logits)
    assert found.keys() == exact.keys()
    for name, gradient in found.items():
        if exact[name].norm() > 1e-4:
            assert functional.cosine_similarity(gradient.flatten(), exact[name].flatten(), 0) > 0.98, name


def test_spare_rows_change_nothing(both: tuple[Encoder, Decoder], monkeypatch: pytest.MonkeyPatch) -> None:
    logits, exact = parameters_and_gradients(both, reduced=False)
    monkeypatch.setattr(packing, "spare_rows", lambda number, device: 5)
    found_logits, found = parameters_and_gradients(both, reduced=False)
    assert found_logits.allclose(logits, atol=1e-5)
    for name, gradient in found.items():
        assert gradient.allclose(exact[name], atol=1e-5), name


def test_a_network_computes_in_the_lower_precision_throughout(both: tuple[Encoder, Decoder]) -> None:
    seen = []
    for module in nn.ModuleList(both).modules():
        if isinstance(module, nn.LayerNorm):
            module.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0].dtype, output.dtype)))
    with torch.autocast("cpu", torch.bfloat16):
        both[1](CANVAS, both[1].memory(both[0](SOURCE)), torch.tensor([1]))
    assert seen and set(seen) == {(torch.bfloat16, torch.bfloat16)}
    assert encoder.lowered(torch.ones(1)).dtype == torch.float32
