import torch

from fairseq_cmlm.decoding.candidate_score import best_first, length_bonus, mean_log_probability


def test_the_mean_leaves_out_padding() -> None:
    confidence = torch.tensor([[-1.0, -2.0, -6.0], [-1.0, -3.0, -50.0]])
    fillable = torch.tensor([[True, True, True], [True, True, False]])
    assert mean_log_probability(confidence, fillable).tolist() == [-3.0, -2.0]


def test_the_first_of_equals_is_best() -> None:
    scores = torch.tensor([[-2.0, -1.0, -1.0], [-1.0, float("-inf"), -0.5]])
    assert best_first(scores).tolist() == [[1, 2, 0], [2, 0, 1]]


def test_the_length_bonus() -> None:
    log_probs, lengths = torch.tensor([[-1.0, -4.0, float("-inf")]]), torch.tensor([[2, 8, 3]])
    assert length_bonus(log_probs, lengths, 3.0).tolist() == [[-1.5, -1.5, float("-inf")]]
    assert length_bonus(log_probs, lengths, 0.0).tolist() == [[0, 0, float("-inf")]]
