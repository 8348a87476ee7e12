import torch

from fairseq_cmlm.decoding.length_beam import lengths_around, top_lengths


def test_most_probable_first_and_never_below_the_minimum() -> None:
    log_probs = torch.tensor([[float("-inf"), 0.5, 0.1, 0.3, 0.2]])
    lengths, values = top_lengths(log_probs, 3, torch.tensor([2]))
    assert lengths.tolist() == [[3, 4, 2]]
    assert values[0, 0] == log_probs[0, 3]


def test_window_is_moved_not_cut() -> None:
    assert lengths_around(torch.tensor([5, 1, 9]), 4, 9).tolist() == [[4, 5, 6, 7], [1, 2, 3, 4], [6, 7, 8, 9]]
