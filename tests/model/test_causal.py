"""The causal mode of the decoder: who sees whom."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fairseq_cmlm.model.attention import Memory
from fairseq_cmlm.model.causal import causal_mask, shifted
from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoder
from fairseq_cmlm.model.packing import packing_of

SOURCE = torch.tensor([[5, 6, 7, 2], [8, 9, 2, 1]])
TOKENS = torch.tensor([[10, 4, 12, 2], [4, 4, 2, 1], [11, 2, 1, 1], [4, 13, 2, 1]])  # two rows of each sentence


def logits(both: tuple[Encoder, Decoder], source: Tensor, read: Tensor, causal: bool = True) -> Tensor:
    """The logits (N, T, V) at every position that is not padding; 0 at padding."""
    encoder, decoder = both
    packing = packing_of(read.ne(1))
    everywhere = packing.pack(torch.arange(read.numel()).view_as(read))
    features = decoder.features(read, packing, decoder.memory(encoder(source)), everywhere, causal)
    return packing.pad(decoder.output(features))


def test_a_position_sees_itself_and_what_is_to_its_left(both: tuple[Encoder, Decoder]) -> None:
    before = logits(both, SOURCE[:1], TOKENS[:1])
    for changed in range(4):
        other = TOKENS[:1].clone()
        other[0, changed] = 20
        difference = (logits(both, SOURCE[:1], other) - before).abs().amax(dim=2)[0]
        assert (difference[:changed] == 0).all() and (difference[changed:] > 1e-3).all()


def test_a_prefix_is_read_as_the_beginning_of_the_whole(both: tuple[Encoder, Decoder]) -> None:
    """And so is not in the mode for masks, where all see all."""
    for causal in (True, False):
        whole = logits(both, SOURCE[:1], TOKENS[:1], causal)
        part = logits(both, SOURCE[:1], TOKENS[:1, :2], causal)
        assert part.allclose(whole[:, :2], atol=1e-4) == causal


def test_token_after_token_equals_the_whole_at_once(both: tuple[Encoder, Decoder]) -> None:
    """Rows of two sentences, in another order after the second token, as a beam search moves them."""
    encoder, decoder = both
    memory = decoder.memory(encoder(SOURCE))
    tokens = torch.tensor([[2, 4, 12, 7], [2, 9, 4, 4], [2, 11, 6, 5], [2, 4, 13, 8]])
    order = torch.tensor([1, 1, 3, 2])
    found, prefix = list[Tensor](), list[Memory]()
    for place in range(4):
        if place == 2:
            prefix = [layer.of(order) for layer in prefix]
            found = [one[order] for one in found]
            tokens[:, :2] = tokens[order, :2]
        states, prefix = decoder.next_features(tokens[:, place], prefix, memory)
        found.append(decoder.output(states))
    assert torch.stack(found, dim=1).allclose(logits(both, SOURCE, tokens), atol=1e-4)


@pytest.mark.parametrize("left", [False, True])
def test_candidates_of_a_batch_equal_rows_alone(both: tuple[Encoder, Decoder], left: bool) -> None:
    lengths = TOKENS.ne(1).sum(1).tolist()
    rows = [torch.nn.functional.pad(row[:n], (4 - n, 0), value=1) for row, n in zip(TOKENS, lengths)]
    together = logits(both, SOURCE, torch.stack(rows) if left else TOKENS)
    assert together.isfinite().all()
    for row, length in enumerate(lengths):
        source = SOURCE[row // 2 : row // 2 + 1]
        alone = logits(both, source[:, : int(source.ne(1).sum())], TOKENS[row : row + 1, :length])
        place = slice(4 - length, 4) if left else slice(0, length)
        assert together[row, place].allclose(alone[0], atol=1e-4)


def test_padding_on_the_left_leaves_numbers_in_training(both: tuple[Encoder, Decoder]) -> None:
    encoder, decoder = (one.train() for one in both)
    logits((encoder, decoder), SOURCE[:1], torch.tensor([[1, 1, 5, 2]])).sum().backward()  # type: ignore[arg-type]
    assert all(value.grad is None or value.grad.isfinite().all() for value in decoder.parameters())


def test_the_mask() -> None:
    assert causal_mask(torch.tensor([[True, True, False]])).long().tolist() == [[[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]]
    assert causal_mask(torch.tensor([[False, True, True]])).long().tolist() == [[[[1, 0, 0], [0, 1, 0], [0, 1, 1]]]]


def test_what_is_read_begins_with_the_end() -> None:
    assert shifted(torch.tensor([[2, 1]]), torch.tensor([[True, False]])).tolist() == [[2, 1]]
