from __future__ import annotations

import pytest
import torch

from fairseq_cmlm.decoding.order import ORDERS
from fairseq_cmlm.decoding.tokens import Alternatives, Prediction

# order -> how sure the two predictions below are
EXPECTED = {
    "probability": torch.tensor([0.6, 0.5]).log().tolist(),
    "margin": [0.2, 0.5],
    "entropy": [-0.7, -1.5],
}


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_orders(name: str) -> None:
    best = Alternatives(torch.tensor([[5, 6, 7], [2, 5, 6]]), torch.tensor([[0.6, 0.4, 0.0], [0.5, 0.0, 0.0]]).log())
    made = Prediction(best.tokens[:, 0], best.log_probs[:, 0], best, entropy=torch.tensor([0.7, 1.5]))
    assert ORDERS[name].sureness(made).tolist() == pytest.approx(EXPECTED[name])
