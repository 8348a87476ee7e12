from __future__ import annotations

import pytest
import torch

from fairseq_cmlm.decoding.canvas import fully_masked
from fairseq_cmlm.decoding.stopping import StoppingRule, below_threshold, while_changing
from fairseq_cmlm.decoding.strategy import Pass

# name: rule, where may be masked again of two rows of three tokens, the last of the second one padding
RULES: dict[str, tuple[StoppingRule, list[list[bool]]]] = {
    "unchanged for 1 pass": (while_changing(1), [[True, True, True], [False, False, False]]),
    "unchanged for 3 passes": (while_changing(3), [[True, True, True], [True, True, True]]),
    "below a half": (below_threshold(0.5), [[True, False, False], [False, True, False]]),
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str) -> None:
    rule, expected = RULES[name]
    before = fully_masked(torch.tensor([3, 2]), pad=1)
    log_probs = torch.tensor([0.4, 0.5, 0.9, 0.6, 0.3, 1.0]).log()
    after = before.written(torch.arange(6), torch.tensor([5, 6, 2, 7, 2, 1]), log_probs)
    ones = torch.ones(2, 1)
    unchanged = torch.tensor([[0], [2]])
    made = Pass(before, after, ones, unchanged, done=1, total=ones, keys=torch.zeros(2, dtype=torch.long))
    assert rule.may_remask(made).expand(2, 3).tolist() == expected
