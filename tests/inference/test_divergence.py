"""A network that diverged in training: whatever is asked of it says so."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import torch
from test_decode import SOURCE, SYMBOLS, network

from fairseq_cmlm.errors import ModelError
from fairseq_cmlm.inference.labels import LabelledTarget, label_canvases, label_log_likelihoods
from fairseq_cmlm.inference.likelihood import likelihood_bound
from fairseq_cmlm.inference.spans import Context, Search, best_spans
from fairseq_cmlm.model.network import Network

TOKENS = torch.tensor([[5, 6, 7], [8, 9, 1], [5, 1, 1]])
REAL = TOKENS.ne(SYMBOLS.pad)


def labels(made: Network) -> Any:
    targets = [LabelledTarget([4, token, 2], range(1, 2)) for token in (5, 6)]
    return label_log_likelihoods([made], SOURCE, label_canvases(targets, SYMBOLS.mask, SYMBOLS.pad))


def spans(made: Network) -> Any:
    return best_spans(made, SOURCE, Context(TOKENS, REAL, REAL, REAL), Search(), SYMBOLS.mask, SYMBOLS.eos)


def likelihood(made: Network) -> Any:
    return likelihood_bound(made, SOURCE, SOURCE, SYMBOLS.mask, samples=2)


@pytest.mark.parametrize("ask", [labels, spans, likelihood])
def test_numbers_that_are_none_are_refused(ask: Callable[[Network], Any]) -> None:
    made = network()
    ask(made)
    with torch.no_grad():
        made.decoder.layers[0].ffn.expand.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match=r"not numbers \(NaN\) in float32: it diverged"):
        ask(made)
