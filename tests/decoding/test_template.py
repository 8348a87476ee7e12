"""Templates against an enumeration of all ways to fill their blanks."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_cmlm.decoding.template import Blank, Filling, Template, fillings, row_of, start_of
from fairseq_cmlm.decoding.tokens import ANY_WORD, END, FIRST_SET

PAD, EOS, MASK = 1, 2, 9


@st.composite
def blanks(draw: st.DrawFn) -> Blank:
    least = draw(st.integers(0, 3))
    most = draw(st.one_of(st.none(), st.integers(least, least + 3)))
    return Blank(least, most)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.just(7), blanks()), max_size=5),
    st.lists(st.one_of(st.just(-math.inf), st.floats(-5, 0)), min_size=2, max_size=10),
    st.integers(1, 6),
)
def test_against_all_ways(parts: list[int | Blank], log_probs: list[float], size: int) -> None:
    template, longest = Template(parts), len(log_probs) - 1
    fixed = template.given + 1
    ways: dict[int, list[tuple[int, ...]]] = {}
    for sizes in product(*(range(blank.least, 1 + (blank.most or longest)) for blank in template.blanks)):
        if all(blank.most is None or n <= blank.most for n, blank in zip(sizes, template.blanks)):
            ways.setdefault(sum(sizes), []).append(sizes)
    found = fillings(template, torch.tensor(log_probs), size)
    if all(blank.most == blank.least for blank in template.blanks):
        only = tuple(blank.least for blank in template.blanks)
        assert found == ([Filling(only, 0.0)] if fixed + sum(only) <= longest else [])
        return
    expected = {
        sizes: log_probs[fixed + total] - math.log(len(all_of_it))
        for total, all_of_it in ways.items()
        if fixed + total <= longest and log_probs[fixed + total] > -math.inf
        for sizes in all_of_it
    }
    assert len({one.sizes for one in found}) == len(found) == min(size, len(expected))
    for one in found:
        assert one.log_prob == pytest.approx(expected[one.sizes], abs=1e-4)
    best = sorted(expected.values(), reverse=True)[: len(found)]
    assert [one.log_prob for one in found] == pytest.approx(best, abs=1e-4)


def test_the_most_even_come_first() -> None:
    log_probs = torch.full((20,), -math.inf)
    log_probs[7] = 0.0
    found = fillings(Template([Blank(), 5, Blank()]), log_probs, 3)
    assert found[0].sizes in [(3, 2), (2, 3)] and {one.sizes for one in found[:2]} == {(3, 2), (2, 3)}
    assert found[2].sizes in [(1, 4), (4, 1)]
    three = fillings(Template([Blank(), 5, Blank(), 6, Blank()]), log_probs.roll(2), 10)
    # Six tokens: 2+2+2, six ways of 1+2+3, three of 1+1+4.
    assert [sorted(one.sizes) for one in three] == [[2, 2, 2], *[[1, 2, 3]] * 6, *[[1, 1, 4]] * 3]


def test_a_row_keeps_what_is_given_and_predicts_the_end_only_after_a_blank() -> None:
    closed = row_of(Template([5, Blank(last_set=FIRST_SET), 6]), [2], EOS)
    assert closed.tokens == [5, EOS, EOS, 6, EOS]
    assert closed.fillable == [False, True, True, False, False]
    assert closed.sets == [ANY_WORD, ANY_WORD, FIRST_SET, ANY_WORD, END]
    prompt = row_of(Template([5, Blank()]), [1], EOS)
    assert prompt.fillable == [False, True, True] and prompt.sets == [ANY_WORD, ANY_WORD, END]


def test_a_sentence_with_fewer_fillings_repeats_one_that_costs_nothing() -> None:
    templates = [Template([5, Blank(1, 2)]), Template([6, 7])]
    log_probs = torch.zeros(9)
    start = start_of(templates, [fillings(one, log_probs, 2) for one in templates], PAD, EOS)
    assert start.canvas.visible(MASK).tolist() == [
        [5, MASK, MASK, PAD],
        [5, MASK, MASK, MASK],
        [6, 7, EOS, PAD],
        [6, 7, EOS, PAD],
    ]
    assert start.canvas.fillable.sum(1).tolist() == [2, 3, 0, 0]
    assert start.log_probs[1].tolist() == [0.0, -math.inf]


def test_a_budget_is_the_size_of_open_blanks() -> None:
    template = Template([Blank(), 5, Blank(1, 3)]).with_budget(4)
    assert template.parts == [Blank(4, 4), 5, Blank(1, 3)]
