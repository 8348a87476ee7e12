"""Count the multiply-adds that a masked decoder needs for a sentence."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from benchmarks.models import Size


class Operations(NamedTuple):
    """Multiply-adds of a sentence: those that grow with the number of positions, and those with its square."""

    linear: int
    attention: int

    @property
    def total(self) -> int:
        """Return all multiply-adds: those that grow with the length, and those with its square."""
        return self.linear + self.attention


def operations(size: Size, source: int, canvas: int, candidates: int, asked: Sequence[int]) -> Operations:
    """Count those of a sentence, by its positions.

    S = `source` and C = `canvas` positions, l `candidates`, a = `asked` positions in each pass.

    With D features, N layers, feed-forward 4 D and vocabulary V, the encoder runs once, over the LENGTH token as well:

        linear     N 12 D^2 (S + 1) + N 2 D^2 S      layers; keys and values for the decoder
        attention  N 2 D (S + 1)^2                   scores and sums

    and the decoder for each candidate and pass, its last layer from the queries on at the asked positions alone:

        linear     (N - 1) 14 D^2 C + 2 D^2 C + 12 D^2 a + D V a
        attention  (N - 1) 2 D C (C + S) + 2 D a (C + S)

    A decoder that computes every position in every pass has a = C.
    """
    features, layers = size.features, size.layers
    square = features**2
    linear = layers * (12 * square * (source + 1) + 2 * square * source)
    attention = layers * 2 * features * (source + 1) ** 2
    for predicted in asked:
        in_full = (layers - 1) * 14 * square + 2 * square
        linear += candidates * (in_full * canvas + (12 * square + features * size.vocabulary) * predicted)
        rows = (layers - 1) * canvas + predicted
        attention += candidates * 2 * features * rows * (canvas + source)
    return Operations(linear, attention)


def masked_in_each_pass(length: int, iterations: int) -> list[int]:
    """Return the positions that the linear schedule masks before each of its passes, without passes of none."""
    masked = [length * (iterations - done) // iterations for done in range(iterations)]
    return [number for number in masked if number]
