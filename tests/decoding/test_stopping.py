from __future__ import annotations

import pytest
import torch

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.stopping import (
    StoppingRule,
    below_threshold,
    while_changing,
    while_changing_or_unsure,
    within_entropy,
)
from fairseq_cmlm.decoding.strategy import Pass

# name: rule, where may be masked again of two rows of three tokens, the last of the second one padding
RULES: dict[str, tuple[StoppingRule, list[list[bool]]]] = {
    "unchanged for 1 pass": (while_changing(1), [[True, True, True], [False, False, False]]),
    "unchanged for 3 passes": (while_changing(3), [[True, True, True], [True, True, True]]),
    "below a half": (below_threshold(0.5), [[True, False, False], [False, True, False]]),
    # Entropies of the first row 0.5, 0.2, 0.9; sorted, those before each add up to 0, 0.2, 0.7.
    "no entropy": (within_entropy(0.0, 0.0), [[True, False, True], [True, False, True]]),
    "entropy 0.2": (within_entropy(0.2, 0.0), [[False, False, True], [False, False, True]]),
    "entropy 0.7": (within_entropy(0.7, 0.0), [[False, False, False], [False, False, True]]),
    # Without 0.5 nats of smoothing 0, 0, 0.4; and in the second row 0.5, 0.
    "entropy 0, smoothed": (within_entropy(0.0, 0.5), [[False, False, False], [False, False, True]]),
    # The means are 0.533 and 0.6.
    "unchanged and sure": (while_changing_or_unsure(1, 0.61, 0.0), [[True, True, True], [False, False, False]]),
    "unchanged, but unsure": (while_changing_or_unsure(1, 0.59, 0.0), [[True, True, True], [True, True, True]]),
    "sure without smoothing": (while_changing_or_unsure(1, 0.3, 0.5), [[True, True, True], [False, False, False]]),
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str) -> None:
    rule, expected = RULES[name]
    before = fully_masked(torch.tensor([3, 2]), pad=1)
    log_probs = torch.tensor([0.4, 0.5, 0.9, 0.6, 0.3, 1.0]).log()
    after = before.written(torch.arange(6), torch.tensor([5, 6, 2, 7, 2, 1]), log_probs)
    ones = torch.ones(2, 1)
    unchanged = torch.tensor([[0], [2]])
    entropy = torch.tensor([[0.5, 0.2, 0.9], [1.0, 0.2, 0.0]])
    keys = torch.zeros(2, dtype=torch.long)
    made = Pass(before, after, ones, unchanged, done=1, total=ones, keys=keys, entropy=entropy)
    assert rule.may_remask(made).expand(2, 3).tolist() == expected


def test_the_entropy_bound_says_nothing_about_what_stands() -> None:
    before = fully_masked(torch.tensor([3]), pad=1).remasked(torch.tensor([[False, True, True]]))
    one, entropy = torch.ones(1, 1), torch.tensor([[0.0, 0.1, 0.2]])
    keys = torch.zeros(1, dtype=torch.long)
    made = Pass(before, before, one, one, done=1, total=one, keys=keys, entropy=entropy)
    assert within_entropy(9.0, 0.0).may_remask(made).tolist() == [[True, False, False]]
