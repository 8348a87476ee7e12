"""Words of the source that are dropped in training."""

import torch

from fairseq_cmlm.sentence_random import sentence_keys
from fairseq_cmlm.training.word_dropout import without_words

UNKNOWN, KEPT = 3, (0, 1, 2)


def dropped(source: torch.Tensor, share: float = 0.3, epoch: int = 1) -> torch.Tensor:
    return without_words(source, sentence_keys(1, epoch, torch.arange(len(source))), share, UNKNOWN, KEPT)


def test_each_word_is_dropped_alike_and_nothing_else() -> None:
    source = torch.full((4000, 7), 5)
    source[:, 0], source[:, 6] = 1, 2
    found = dropped(source)
    assert (found[:, 0] == 1).all() and (found[:, 6] == 2).all() and found.unique().tolist() == [1, 2, 3, 5]
    assert ((found == UNKNOWN).sum(0)[1:6] - 1200).abs().max() < 145  # five standard deviations
    assert not found.equal(dropped(source, epoch=2)) and found.equal(dropped(source))
    pairs = ((found[:, 1] == UNKNOWN) & (found[:, 2] == UNKNOWN)).sum()
    assert abs(int(pairs) - 360) < 95, "words are dropped independently"


def test_a_share_of_nothing_drops_nothing() -> None:
    source = torch.arange(4, 40).view(4, 9)
    assert dropped(source, share=0.0).equal(source)


def test_padding_on_either_side_changes_nothing() -> None:
    text = torch.cat([torch.arange(4, 40).view(4, 9), torch.full((4, 1), 2)], dim=1)
    pad = torch.full((4, 3), 1)
    found = dropped(text)
    assert not found.equal(text)
    assert dropped(torch.cat([pad, text], dim=1))[:, 3:].equal(found)
    assert dropped(torch.cat([text, pad], dim=1))[:, :-3].equal(found)
