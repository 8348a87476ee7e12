"""What a strategy may use beside the schedule's count: random numbers, progress, and more than the best token."""

from __future__ import annotations

import torch

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.loop import Query, Refined, refine
from fairseq_cmlm.decoding.plan import Plan
from fairseq_cmlm.decoding.strategy import Pass, Strategy, lowest
from fairseq_cmlm.decoding.tokens import Alternatives, Prediction
from fairseq_cmlm.sentence_random import derived_keys

PAD, MASK = 1, 9


def predict(query: Query) -> Prediction:
    """Words 5 to 7 with a margin that shrinks to the right."""
    place = (query.positions % query.visible.size(1)).float()
    log_probs = torch.stack([-0.5 - 0 * place, -2 + 0.1 * place, -4 + 0 * place], dim=1)
    tokens = torch.tensor([5, 6, 7]).expand(len(place), 3)
    return Prediction(tokens[:, 0], log_probs[:, 0], Alternatives(tokens, log_probs))


def decode(strategy: Strategy, lengths: list[int], keys: torch.Tensor) -> Refined:
    canvas = fully_masked(torch.tensor(lengths), PAD)
    return refine(predict, canvas, Plan(strategy, torch.full((len(lengths),), 4), keys=keys), MASK)


def test_random_remasking_does_not_depend_on_the_batch() -> None:
    seen: list[list[bool]] = []

    def at_random(made: Pass) -> torch.Tensor:
        masked = lowest(made.random(), made.count, made.after.fillable)
        seen.append(masked[-1].tolist())
        return masked

    strategy = Strategy(at_random, keeps_count=True, random=True)
    keys = derived_keys(torch.tensor([3, 4]), 0)
    decode(strategy, [8, 8], keys)
    together, seen = seen, []
    decode(strategy, [8], keys[1:])
    assert seen == together and len({tuple(row) for row in seen}) == 4, "each pass draws numbers of its own"


def test_the_margin_between_the_two_best_decides() -> None:
    def margin(made: Pass) -> torch.Tensor:
        assert made.alternatives is not None
        first, second = made.alternatives.log_probs[..., 0], made.alternatives.log_probs[..., 1]
        masked.append(lowest(first - second, made.count, made.before.masked)[0].tolist())
        return lowest(first - second, made.count, made.before.masked)

    masked: list[list[bool]] = []
    decode(Strategy(margin, alternatives=2), [4], torch.zeros(1, dtype=torch.long))
    assert masked == [[False, True, True, True], [False, False, True, True], [False, False, False, True], [False] * 4]


def test_blocks_from_left_to_right_by_progress() -> None:
    reads = []

    def block(made: Pass) -> torch.Tensor:
        """After pass t of T the first t / T of the row stand for good."""
        place = torch.arange(made.after.tokens.size(1))
        later = place >= made.after.fillable.sum(1, keepdim=True) * made.done / made.total
        reads.append(made.before.masked[0].tolist())
        return later & made.after.fillable

    decode(Strategy(block), [4], torch.zeros(1, dtype=torch.long))
    assert reads == [[True] * 4, [False, True, True, True], [False, False, True, True], [False, False, False, True]]
