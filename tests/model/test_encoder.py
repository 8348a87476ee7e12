from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fairseq_cmlm.model.decoder import Decoder
from fairseq_cmlm.model.encoder import Encoder

SOURCE = torch.tensor([[5, 6, 7, 2]])


@pytest.mark.parametrize(
    ("padded", "real"),
    [
        (torch.tensor([[5, 6, 7, 2, 1, 1]]), slice(0, 4)),
        (torch.tensor([[1, 1, 5, 6, 7, 2]]), slice(2, 6)),
    ],
    ids=["right", "left"],
)
def test_padding_on_either_side_changes_nothing(both: tuple[Encoder, Decoder], padded: Tensor, real: slice) -> None:
    alone, beside = both[0](SOURCE), both[0](padded)
    assert beside.states[:, real].allclose(alone.states, atol=1e-5)
    assert beside.length_logits[:, 1:].allclose(alone.length_logits[:, 1:], atol=1e-5)
    assert beside.real.sum() == 4


def test_the_slot_is_hidden_and_reads_the_whole_source(both: tuple[Encoder, Decoder]) -> None:
    encoded = both[0](SOURCE)
    assert encoded.states.shape == (1, 4, 16)
    for position in range(4):
        other = SOURCE.clone()
        other[0, position] = 9
        assert not both[0](other).length_logits[:, 1:].allclose(encoded.length_logits[:, 1:], atol=1e-3)


def test_the_length_logits_are_numbers(both: tuple[Encoder, Decoder]) -> None:
    """What is infinite would make fairseq's search for NaNs blame the encoder; lengths.py leaves out the length 0."""
    assert both[0](SOURCE).length_logits.isfinite().all()


def test_the_input_of_the_slot_is_row_0_of_the_table_that_scores_the_lengths(both: tuple[Encoder, Decoder]) -> None:
    encoder = both[0]
    before = encoder(SOURCE)
    with torch.no_grad():
        encoder.lengths.weight[7] += 0.5
    # Row 7 is the output of the length 7 only.
    after = encoder(SOURCE)
    changed = (after.length_logits - before.length_logits)[0, 1:].abs() > 1e-4
    assert changed.nonzero().flatten().tolist() == [6]
    assert after.states.equal(before.states)
    with torch.no_grad():
        encoder.lengths.weight[0, :3] += 1.0  # a shift of the whole row would vanish in a normalisation
    assert not encoder(SOURCE).states.allclose(before.states, atol=1e-3)
