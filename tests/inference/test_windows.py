"""Windows over documents: all paragraphs once, none beyond the limits, context where it has room."""

from __future__ import annotations

from typing import Sequence

import pytest

from fairseq_cmlm.inference.windows import OpenDocument, Paragraph, Window, next_window, write_all


@pytest.mark.parametrize("most", [(10, 10), (14, 11), (40, 40), (400, 400)])
def test_windows_hold_all_paragraphs_once_within_the_limits(most: tuple[int, int]) -> None:
    sizes = [(number % 7 + 1, number % 5 + 1) for number in range(60)]
    begin = context = 0
    while begin < len(sizes):
        window = next_window(sizes, begin, most)
        assert window.first <= window.begin == begin < window.end
        read = sizes[window.first : window.end]
        assert all(sum(side) + len(side) <= limit for side, limit in zip(zip(*read), most))
        whole = sizes[window.first : window.end + 1]
        assert window.end == 60 or any(sum(side) + len(side) > limit for side, limit in zip(zip(*whole), most)), "full"
        context += window.begin - window.first
        begin = window.end
    assert context == {10: 1, 14: 0, 40: 15, 400: 0}[most[0]]


def test_context_gives_way_to_what_is_to_be_written() -> None:
    assert next_window([(1, 1), (18, 18)], 1, (20, 20)) == Window(1, 1, 2)
    assert next_window([(1, 1), (17, 17)], 1, (20, 20)) == Window(0, 1, 2)
    assert next_window([(1, 1), (17, 18)], 1, (20, 20)) == Window(1, 1, 2)


def open_documents(*documents: Sequence[int]) -> list[OpenDocument]:
    return [OpenDocument([Paragraph(f"p{size}", size, size) for size in document]) for document in documents]


@pytest.mark.parametrize("alone", [False, True])
def test_documents_are_written_to_their_ends(alone: bool) -> None:
    seen: list[list[int]] = []

    def write(todo: Sequence[OpenDocument], windows: Sequence[Window]) -> None:
        seen.append([window.end - window.begin for window in windows])
        for document, window in zip(todo, windows):
            document.take([[one.size] * 2 for one in document.paragraphs[window.begin : window.end]], passes=4)

    made = open_documents([3, 3, 3], [], [5])
    write_all(made, alone, (8, 8), write)
    assert [one.written for one in made] == [[[3, 3]] * 3, [], [[5, 5]]]
    assert [one.passes for one in made] == ([12, 0, 4] if alone else [8, 0, 4])
    assert [one.windows for one in made] == ([3, 0, 1] if alone else [2, 0, 1])
    assert seen == ([[1, 1, 1, 1]] if alone else [[2, 1], [1]])


def test_a_paragraph_longer_than_a_window_is_read_alone() -> None:
    seen: list[Window] = []

    def write(todo: Sequence[OpenDocument], windows: Sequence[Window]) -> None:
        seen.extend(windows)
        todo[0].take([[5]] * (windows[0].end - windows[0].begin), passes=1)

    write_all(open_documents([1, 11, 2, 2]), False, (8, 8), write)
    assert seen == [Window(0, 0, 1), Window(1, 1, 2), Window(2, 2, 4)]
