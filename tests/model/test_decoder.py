from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fairseq_cmlm.model.attention import Attention, Memory
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.model.packing import Packing, packing_of

SOURCE = torch.tensor([[5, 6, 7, 2], [8, 9, 2, 1]])
CANVAS = torch.tensor([[10, 4, 12, 2], [4, 4, 1, 1], [11, 2, 1, 1], [4, 13, 14, 1]])  # two rows of each sentence


def logits(both: tuple[Encoder, Decoder], source: Tensor, canvas: Tensor) -> Tensor:
    """The logits (N, T, V) at every position that is not padding; 0 at padding."""
    encoder, decoder = both
    packing = packing_of(canvas.ne(1))
    everywhere = packing.pack(torch.arange(canvas.numel()).view_as(canvas))
    return packing.pad(decoder(canvas, decoder.memory(encoder(source)), everywhere))


def test_candidates_of_a_batch_equal_rows_alone(both: tuple[Encoder, Decoder]) -> None:
    together = logits(both, SOURCE, CANVAS)
    for row, length in enumerate((4, 2, 2, 3)):
        source = SOURCE[row // 2 : row // 2 + 1]
        alone = logits(both, source[:, : int(source.ne(1).sum())], CANVAS[row : row + 1, :length])
        assert together[row, :length].allclose(alone[0], atol=1e-4)


def test_a_memory_of_the_rows_is_the_memory_of_the_sentences(both: tuple[Encoder, Decoder]) -> None:
    encoder, decoder = both
    rows = torch.tensor([0, 2, 3])
    memory = [layer.of(rows // 2) for layer in decoder.memory(encoder(SOURCE))]
    found = decoder(CANVAS[rows], memory, torch.tensor([0, 4, 8]))
    assert found.allclose(logits(both, SOURCE, CANVAS)[rows, 0], atol=1e-4)


def test_every_position_sees_every_token_and_its_place(both: tuple[Encoder, Decoder]) -> None:
    before = logits(both, SOURCE[:1], CANVAS[:1])
    for changed in range(4):
        other = CANVAS[:1].clone()
        other[0, changed] = 20
        difference = (logits(both, SOURCE[:1], other) - before).abs().amax(dim=2)[0]
        assert (difference > 1e-3).all(), "the decoder is not causal"
    swapped = logits(both, SOURCE[:1], CANVAS[:1, [1, 0, 2, 3]])
    assert not swapped[0, 0].allclose(before[0, 1], atol=1e-3)


def test_only_the_asked_positions_are_projected(both: tuple[Encoder, Decoder]) -> None:
    encoder, decoder = both
    positions = torch.tensor([1, 4, 5])
    found = decoder(CANVAS, decoder.memory(encoder(SOURCE)), positions)
    assert found.shape == (3, 30)
    assert found.allclose(logits(both, SOURCE, CANVAS).flatten(0, 1)[positions], atol=1e-5)


@pytest.mark.parametrize("positions", [[1, 4, 5], [0, 1, 2, 3, 4], [8, 12, 14], [3]])
def test_states_of_padding_change_nothing(both: tuple[Encoder, Decoder], positions: list[int]) -> None:
    encoder, decoder = both
    memory = decoder.memory(encoder(SOURCE))
    everything = decoder.features(CANVAS, Packing(None, 4, 4), memory, torch.arange(16))
    packed = decoder.features(CANVAS, packing_of(CANVAS.ne(1)), memory, torch.tensor(positions))
    assert packed.allclose(everything[positions], atol=1e-5)


def test_dropout_is_random_in_training_only(both: tuple[Encoder, Decoder]) -> None:
    assert logits(both, SOURCE, CANVAS).equal(logits(both, SOURCE, CANVAS))
    for module in both:
        module.train()
    assert not logits(both, SOURCE, CANVAS).equal(logits(both, SOURCE, CANVAS))


def test_the_attention_over_the_source_is_that_of_the_decoders_own_pass(both: tuple[Encoder, Decoder]) -> None:
    """The kernel that the decoder uses, over one-hot values, gives the weights themselves."""
    encoder, decoder = both
    memory = [layer.of(torch.tensor([0, 0, 1, 1])) for layer in decoder.memory(encoder(SOURCE))]
    used: list[Tensor] = []

    def look(attention: Attention, arguments: tuple[Tensor, Packing, Memory]) -> None:
        x, packing, read = arguments
        query = packing.pad(attention.query(x)).view(4, 4, attention.heads, -1).transpose(1, 2)
        onehot = torch.eye(4).expand(4, attention.heads, 4, 4)
        weights = functional.scaled_dot_product_attention(query, read.key, onehot, attn_mask=read.attend)
        used.append(weights.mean(dim=1))

    hooks = [layer.source_attention.register_forward_pre_hook(look) for layer in decoder.layers]
    real = CANVAS.ne(1)
    decoder(CANVAS, memory, packing_of(real).places)
    for hook in hooks:
        hook.remove()
    found = decoder.source_weights(CANVAS, memory)
    assert found.shape == (4, 4, 4) and len(used) == 3
    assert found[real].allclose(torch.stack(used).mean(dim=0)[real], atol=1e-5)
    assert found.sum(2).allclose(torch.ones(4, 4)) and (found[2:, :, 3] == 0).all()
    assert found[0].std() > 1e-3, "weights that are all alike show nothing"
