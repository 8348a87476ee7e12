"""Heads: predictions other than tokens, from the last decoder states.

An objective names the heads that it trains, and a model is built with them. To add one: a module here, a row in HEADS.
The length has no row here: its classes are tied to the input table of the encoder's LENGTH token (encoder.py).
"""

from __future__ import annotations

from typing import Callable

from torch import nn

# name -> a module (R, D) -> (R, ...) for states of D features
HEADS: dict[str, Callable[[int], nn.Module]] = {
    "quality": lambda features: nn.Linear(features, 1),  # the logit of the probability that the token there is right
}
