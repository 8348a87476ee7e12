import pytest

from fairseq_cmlm.measures.length_accuracy import gold_length_found


@pytest.mark.parametrize(
    ("candidates", "gold", "percent"),
    [
        ([[5, 6], [7], [3, 2], [9]], [6, 7, 4, 8], 50.0),
        ([[5], [5], [5]], [5, 5, 4], 200 / 3),
        ([[]], [1], 0.0),
        ([], [], 0.0),
    ],
)
def test_length_accuracy(candidates: list[list[int]], gold: list[int], percent: float) -> None:
    assert gold_length_found(candidates, gold) == pytest.approx(percent)
