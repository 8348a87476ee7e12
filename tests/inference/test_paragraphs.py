"""Pages of paragraphs: their rows, the choice of the best candidate of each, and that a batch changes nothing."""

from __future__ import annotations

from typing import Optional, Sequence
from unittest import mock

import pytest
import torch
from small_network import MASK, PAD, network

from fairseq_cmlm.decoding.lengths import LengthCandidates
from fairseq_cmlm.decoding.options import Decoding
from fairseq_cmlm.decoding.tokens import Symbols
from fairseq_cmlm.inference import paragraphs
from fairseq_cmlm.inference.paragraphs import Page, Script, paragraph_lengths, write_pages

EOS, MARK = 2, 9
SYMBOLS = Symbols(bos=0, pad=PAD, eos=EOS, mask=MASK)
DECODING = Decoding.of(iterations=3, length_beam=2, length_prior=0.0)


def page(lengths: Sequence[Sequence[int]], before: Sequence[Sequence[int]] = (), bonus: float = 0.0) -> Page:
    """A page of paragraphs of these tokens, the second candidate less likely by `bonus`."""
    log_probs = torch.tensor([[0.0, -bonus]] * len(lengths))
    return Page(before, LengthCandidates(torch.tensor(lengths) + 1, log_probs), DECODING)


@pytest.mark.parametrize(
    ("k", "number", "tokens", "fill"),
    [
        (0, None, [5, 6, MARK, MASK, MASK, MARK, MASK, EOS], [3, 4, 6]),
        (1, None, [5, 6, MARK, MASK, MARK, MASK, MASK, MASK, EOS], [3, 5, 6, 7]),
        (0, 1, [5, 6, MARK, MASK, MASK, MARK, MASK, EOS], [3, 4]),
        (1, 1, [5, 6, MARK, MASK, MARK, MASK, EOS], [3]),
    ],
)
def test_a_row_has_what_stands_then_what_is_written_then_masks(
    k: int, number: Optional[int], tokens: list[int], fill: list[int]
) -> None:
    made = page([[2, 1], [1, 3]], before=[[5, 6]])
    row = made.row(k, made.todo(number), MARK, MASK, EOS)
    assert row.tokens == tokens
    assert [place for place, fillable in enumerate(row.fillable) if fillable] == fill
    assert len(row.sets) == len(tokens)


def test_each_paragraph_takes_its_own_best_candidate() -> None:
    made = page([[2, 1], [1, 3]], before=[[5, 6]])
    tokens = torch.tensor([[5, 6, MARK, 10, 11, MARK, 12, EOS, PAD], [5, 6, MARK, 7, MARK, 8, 8, 8, EOS]])
    log_probs = torch.tensor([[0, 0, 0, -1, -2, 0, -3, 0, 0], [0, 0, 0, -1.6, 0, -1, -2, -1, 0.0]])
    made.take(range(2), tokens, log_probs)
    assert made.written == [[10, 11], [8, 8, 8]] and not made.todo(None)
    short = page([[2, 1]], before=[[5, 6]], bonus=2.0)
    short._bonus = [[-2.0, 0.0]]
    short.take(range(1), tokens, log_probs)
    assert short.written == [[7]]


def written(pages: Sequence[Page], together: Optional[int], rows: slice = slice(None)) -> list[list[list[int]]]:
    source = torch.tensor([[5, 6, 2, 1], [7, 8, 9, 2], [4, 2, 1, 1]])[rows]
    write_pages([network().eval()], source, pages, Script(DECODING, SYMBOLS, MARK, together))
    return [one.written for one in pages]


PAGES = [([[2, 3], [4, 1]], [[5, 6], [7]]), ([[3, 3]], []), ([[1, 2], [2, 2], [3, 1]], [])]


@pytest.mark.parametrize("together", [None, 1, 2])
def test_pages_are_written_alike_in_any_batch(together: Optional[int]) -> None:
    whole = written([page(*one) for one in PAGES], together)
    for number, one in enumerate(PAGES):
        assert written([page(*one)], together, slice(number, number + 1)) == [whole[number]]
    for (lengths, _), own in zip(PAGES, whole):
        assert [len(tokens) in sizes for tokens, sizes in zip(own, lengths)] == [True] * len(lengths)
        assert not {MARK, MASK, PAD, EOS} & {token for tokens in own for token in tokens}


@pytest.mark.parametrize(("together", "passes"), [(None, [3, 3, 3]), (1, [6, 3, 7])])
def test_a_block_takes_the_passes_of_a_whole(together: Optional[int], passes: list[int]) -> None:
    """A paragraph of two tokens is finished after two passes, of T = 3."""
    pages = [page(*one) for one in PAGES]
    written(pages, together)
    assert [one.passes for one in pages] == passes


def test_the_source_is_encoded_once_for_all_blocks() -> None:
    made = network().eval()
    with mock.patch.object(made.encoder, "forward", wraps=made.encoder.forward) as encode:
        script = Script(DECODING, SYMBOLS, MARK, 1)
        write_pages([made], torch.tensor([[4, 5, 2]]), [page([[2, 2]] * 5)], script)
    assert encode.call_count == 1


def test_later_blocks_read_earlier_ones() -> None:
    read = []

    class Spy(paragraphs.Predictor):
        def __call__(self, query):  # type: ignore[no-untyped-def]
            read.append(query.visible[0].tolist())
            return super().__call__(query)

    with mock.patch.object(paragraphs, "Predictor", Spy):
        first, second = written([page([[2, 2], [2, 2]])], 1, slice(1))[0]
    assert read[0] == [MASK, MASK, MARK, MASK, MASK, EOS]
    assert read[-1][:3] == [*first, MARK] and MASK in read[-1][3:5] and len(second) == 2


def test_lengths_are_those_of_each_paragraph() -> None:
    made, source = network().eval(), torch.tensor([[5, 6, 2, 1], [7, 8, 9, 2], [2, 1, 1, 1]])
    found = paragraph_lengths([made], source, PAD, DECODING)
    assert found.lengths.shape == (3, 2) and (found.lengths[:2] > 1).all() and found.lengths[2, 0] == 1
    alone = paragraph_lengths([made], source[:1, :3], PAD, DECODING)
    assert torch.equal(alone.lengths[0], found.lengths[0])
