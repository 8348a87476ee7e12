import pytest

from fairseq_cmlm.measures.length_buckets import BUCKET_NAMES, in_buckets


def test_names() -> None:
    assert BUCKET_NAMES == ("1-9", "10-19", "20-29", "30-39", "40+")


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([1, 9, 10, 19, 20, 29, 30, 39, 40, 400], [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]),
        ([12, 3, 0, 11], [[1], [0, 3], [], [], []]),
        ([], [[]] * 5),
    ],
)
def test_sentences_in_buckets(lengths: list[int], expected: list[list[int]]) -> None:
    assert in_buckets(lengths) == expected
