"""Templates: targets with words fixed by the user, and blanks for the model to fill.

A template says how long its blanks may be; the length model decides how long they are. Prompts are templates too: given
words followed by one blank.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Iterator, NamedTuple, Optional, Sequence, Union

import torch
from torch import Tensor

from fairseq_cmlm.decoding.canvas import Canvas
from fairseq_cmlm.decoding.tokens import ANY_WORD, END
from fairseq_cmlm.given_words import GivenWords


@dataclass(frozen=True)
class Blank:
    """A blank of `least` to `most` tokens; None for as many as fit.

    first_set, last_set  token sets of its first and last position, which keep the words beside it whole
    """

    least: int = 1
    most: Optional[int] = None
    first_set: int = ANY_WORD
    last_set: int = ANY_WORD


@dataclass(frozen=True)
class Template:
    """A target: its `parts` in order, which are given token ids and blanks, without `</s>`.

    place  where it was read, for error messages
    typed  the given words as they were typed; None where no text was
    """

    parts: Sequence[Union[int, Blank]]
    place: str = "the target"
    typed: Optional[GivenWords] = None

    @property
    def blanks(self) -> list[Blank]:
        """Return the blanks in their order."""
        return [part for part in self.parts if isinstance(part, Blank)]

    @property
    def given(self) -> int:
        """Return the number of given tokens."""
        return len(self.parts) - len(self.blanks)

    def with_budget(self, tokens: int) -> Template:
        """Return the template with exactly `tokens` tokens in each blank of open size."""
        return replace(
            self,
            parts=[
                replace(part, least=tokens, most=tokens) if isinstance(part, Blank) and part.most is None else part
                for part in self.parts
            ],
        )


class Filling(NamedTuple):
    """Sizes of a template's blanks, and the log-probability of this choice, natural log."""

    sizes: tuple[int, ...]
    log_prob: float


def fillings(template: Template, log_probs: Tensor, size: int) -> list[Filling]:
    """Choose the `size` most probable ways to size the blanks of a template, most probable first.

    log_probs  (L,), log-probability of each total length, `</s>` included, natural log; -inf for lengths not allowed

    All ways to divide a length among blanks are equally likely; of one length, the most even come first. Return an
    empty list if no allowed length can be met. A template of fixed length needs no allowed length.

    >>> uniform = torch.zeros(8)
    >>> [found.sizes for found in fillings(Template([5, Blank(), 6, Blank(1, 2)]), uniform, 3)]
    [(1, 1), (2, 1), (1, 2)]
    """
    blanks, given = template.blanks, template.given + 1  # </s>
    if all(blank.most == blank.least for blank in blanks):
        sizes = tuple(blank.least for blank in blanks)
        return [Filling(sizes, 0.0)] if given + sum(sizes) < len(log_probs) else []
    values, ways = log_probs.tolist(), _ways(blanks, len(log_probs) - 1 - given)
    shares = {
        total: values[given + total] - math.log(number)
        for total, number in enumerate(ways)
        if number and values[given + total] != -math.inf
    }
    # All ways of one length are equally likely, so the best ways have the best lengths.
    best = sorted(shares, key=lambda total: -shares[total])[:size]
    found = [
        Filling(sizes, shares[total]) for total in best for sizes in _most_even(blanks, total, min(size, ways[total]))
    ]
    return found[:size]


def _ways(blanks: Sequence[Blank], longest: int) -> list[int]:
    """Count the ways to divide 0, 1, ... `longest` tokens among the blanks."""
    ways = [1] + [0] * longest
    for blank in blanks:
        most = longest if blank.most is None else blank.most
        sums = [0, *accumulate(ways)]
        ways = [sums[max(0, n - blank.least + 1)] - sums[max(0, n - most)] for n in range(longest + 1)]
    return ways if longest >= 0 else []


def _most_even(blanks: Sequence[Blank], total: int, number: int) -> Iterator[tuple[int, ...]]:
    """Yield `number` ways to divide `total` tokens among the blanks, the most even first."""
    if not number:
        return
    sizes = [blank.least for blank in blanks]
    for _ in range(total - sum(sizes)):
        open_blanks = [i for i, blank in enumerate(blanks) if blank.most is None or sizes[i] < blank.most]
        smallest = min(open_blanks, key=lambda i: sizes[i])
        sizes[smallest] += 1
    waiting = [(sum(n * n for n in sizes), tuple(sizes))]
    seen = {tuple(sizes)}
    for _ in range(number):
        _, best = heapq.heappop(waiting)
        yield best
        for other in _neighbours(blanks, best):
            if other not in seen:
                seen.add(other)
                heapq.heappush(waiting, (sum(n * n for n in other), other))


def _neighbours(blanks: Sequence[Blank], sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the sizes with one token moved from one blank to another."""
    for i, giver in enumerate(blanks):
        for j, taker in enumerate(blanks):
            if i != j and sizes[i] > giver.least and (taker.most is None or sizes[j] < taker.most):
                moved = list(sizes)
                moved[i], moved[j] = moved[i] - 1, moved[j] + 1
                yield tuple(moved)


class TargetRow(NamedTuple):
    """A target row as lists: tokens (anything at blanks), whether to fill them, and token sets."""

    tokens: list[int]
    fillable: list[bool]
    sets: list[int]


def row_of(template: Template, sizes: Sequence[int], eos: int) -> TargetRow:
    """Lay a template out with blanks of the given sizes.

    `</s>` is predicted after a final blank, so that it counts in the choice of its length; elsewhere it is given.

    >>> row_of(Template([5, Blank(2, 2)]), [2], eos=2)
    TargetRow(tokens=[5, 2, 2, 2], fillable=[False, True, True, True], sets=[0, 0, 0, 1])
    """
    row, rest = TargetRow([], [], []), list(sizes)
    for part in template.parts:
        if isinstance(part, Blank):
            _add_blank(row, part, rest.pop(0), eos)
        else:
            _add(row, part, False, ANY_WORD)
    _add(row, eos, bool(template.parts) and isinstance(template.parts[-1], Blank), END)
    return row


def _add(row: TargetRow, token: int, fillable: bool, token_set: int) -> None:
    row.tokens.append(token)
    row.fillable.append(fillable)
    row.sets.append(token_set)


def _add_blank(row: TargetRow, blank: Blank, size: int, filler: int) -> None:
    for place in range(size):
        first, last = place == 0, place == size - 1
        limited = blank.last_set if last and blank.last_set != ANY_WORD else blank.first_set if first else ANY_WORD
        _add(row, filler, True, limited)


def canvas_of(rows: Sequence[TargetRow], to_fill: Sequence[bool], pad: int, device: torch.device) -> Canvas:
    """Put N rows side by side, everything fillable masked, but in those that are not `to_fill`.

    >>> row = TargetRow([5, 2, 2], [False, True, False], [0, 0, 0])
    >>> canvas_of([row, row], [True, False], pad=1, device=torch.device("cpu")).visible(mask=9).tolist()
    [[5, 9, 2], [5, 2, 2]]
    """
    width = max(len(row.tokens) for row in rows)

    def grid(values: Sequence[Sequence[int]], padding: int) -> Tensor:
        return torch.tensor([[*row, *[padding] * (width - len(row))] for row in values], device=device)

    fillable = grid([row.fillable for row in rows], False).bool()
    tokens = grid([row.tokens for row in rows], pad)
    real = grid([[True] * len(row.tokens) for row in rows], False).bool()
    masked = fillable & torch.tensor(list(to_fill), device=device)[:, None]
    log_probs = torch.zeros(tokens.shape, dtype=torch.float32, device=device)
    return Canvas(tokens, log_probs, masked, fillable, real, grid([row.sets for row in rows], ANY_WORD))


class Start(NamedTuple):
    """The start of refinement.

    canvas     (N, T) of N = B * K rows
    log_probs  (B, K) natural log of the probability of each candidate's length; -inf for what is no candidate
    """

    canvas: Canvas
    log_probs: Tensor


def start_of(templates: Sequence[Template], choices: Sequence[Sequence[Filling]], pad: int, eos: int) -> Start:
    """Return the start for B templates with at least one filling each.

    A sentence with fewer fillings than others repeats its first one, with nothing to
    fill and a log-probability of -inf.

    >>> template = Template([5, Blank(1, 2)])
    >>> start = start_of([template], [fillings(template, torch.zeros(9), 2)], pad=1, eos=2)
    >>> start.canvas.visible(mask=9).tolist()
    [[5, 9, 9, 1], [5, 9, 9, 9]]
    """
    size = max(map(len, choices))
    rows, to_fill, log_probs = [], [], []
    for template, chosen in zip(templates, choices):
        for k in range(size):
            filling = chosen[k] if k < len(chosen) else chosen[0]
            rows.append(row_of(template, filling.sizes, eos))
            to_fill.append(k < len(chosen))
            log_probs.append(filling.log_prob if k < len(chosen) else -math.inf)
    canvas = canvas_of(rows, to_fill, pad, torch.device("cpu"))
    return Start(canvas, torch.tensor(log_probs).view(len(templates), size))
