"""Checks, before the graphs are written, that they compute what the network does."""

from __future__ import annotations

import numpy as np
import torch

from fairseq_cmlm.errors import BundleError
from fairseq_cmlm.model.network import Network as TorchNetwork
from fairseq_cmlm.runtime.arrays import Array
from fairseq_cmlm.runtime.lengths import log_softmax
from fairseq_cmlm.runtime.manifest import Symbols
from fairseq_cmlm.runtime.network import Encoded, Layout, Network

_LENGTHS = (9, 12, 1, 7)  # lengths of the rows, cut to what the network can write
_COARSE = 0.3  # of how much log-probabilities vary; eight bits change them by some hundredths of it
_CLOSE = 1e-3  # in log-probabilities; reordering a sum of thousands of products changes it by some 1e-5


def check_graphs(
    network: TorchNetwork, graphs: Network, symbols: Symbols, limits: tuple[int, int], exact: bool = True
) -> None:
    """Raise a BundleError unless the graphs agree with the network and read both sides of a position.

    exact  whether they are of float32, and not of eight bits, which agree but coarsely
    """
    numbers = np.random.default_rng(1)
    words = np.setdiff1d(np.arange(symbols.unk, symbols.mask), [symbols.bos, symbols.pad, symbols.eos])
    for length in {1, min(11, limits[0])}:
        # The source may have fewer ids than the target.
        known = words[words < network.encoder.embedding.tokens.num_embeddings]
        source = np.append(numbers.choice(known, length - 1), symbols.eos)
        real = np.arange(min(max(_LENGTHS), limits[1])) < np.array(_LENGTHS)[:, None]
        rows = np.where(real, numbers.choice(words, real.shape), symbols.pad)
        masked = real & (numbers.random(real.shape) < 0.6)
        masked[0, 0], masked[:, -1] = True, masked[:, -1] & real[:, -1]
        rows[masked] = symbols.mask
        _check_numbers(network, graphs, symbols, source, rows, masked, exact)
    _check_sight(graphs, graphs.encode(source), rows[:1, real[0]], symbols)


@torch.no_grad()
def _check_numbers(
    network: TorchNetwork, graphs: Network, symbols: Symbols, source: Array, rows: Array, masked: Array, exact: bool
) -> None:
    """Compare the outputs of network and graphs for a source (S,) and rows (n, T)."""
    encoding = network.encode(torch.from_numpy(source)[None])
    positions = torch.from_numpy(np.flatnonzero(masked))
    wanted = network.logits(encoding, torch.from_numpy(rows), positions).log_softmax(dim=1).numpy()
    encoded = graphs.encode(source)
    token, log_prob, end_log_prob, logits = graphs.step(
        encoded, Layout.of(rows != network.decoder.pad), rows, masked, True
    )
    lengths = encoding.encoded.length_logits[0].log_softmax(dim=0).numpy()
    found, each = log_softmax(logits), np.arange(len(token))
    for one, other in ((found, wanted), (log_softmax(encoded.length_logits), lengths)):
        if exact:
            _refuse(_far(one, other), "the model")
        elif not np.abs(one - other).mean() <= _COARSE * other.std() + _CLOSE:
            raise BundleError(
                f"the exported int8 graphs differ from the model by {np.abs(one - other).mean():.2g} in "
                f"log-probabilities, which themselves vary by {other.std():.2g}: the model cannot be exported"
            )
    # What a step says beside its logits is what they say: the best that may stand inside a row, and the end.
    inside = found.copy()
    inside[:, [symbols.bos, symbols.pad, symbols.eos, symbols.mask]] = -np.inf
    _refuse(_far(inside.max(axis=1), inside[each, token]), "its own logits, in the token that it calls the best,")
    _refuse(_far(found[each, token], log_prob), "its own logits, in the log-probability of a token,")
    _refuse(_far(found[:, symbols.eos], end_log_prob), "its own logits, in the log-probability of </s>,")


def _far(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max())


def _refuse(far: float, other: str) -> None:
    if not far < _CLOSE:  # also true for NaN
        raise BundleError(
            f"the exported graphs differ from {other} by {far:.2g} in log-probabilities, and at most {_CLOSE:g} is "
            "rounding: the model cannot be exported"
        )


def _check_sight(graphs: Network, encoded: Encoded, row: Array, symbols: Symbols) -> None:
    """Change the last token of the row (1, T) and check that the prediction at its first position changes."""
    other, first = row.copy(), np.arange(row.shape[1])[None] == 0
    other[0, -1] = symbols.unk if row[0, -1] != symbols.unk else symbols.eos
    layout = Layout.of(first | True)
    one, two = (graphs.step(encoded, layout, read, first, True)[-1] for read in (row, other))
    if row.shape[1] > 1 and np.array_equal(one, two):
        raise BundleError(
            "in the exported graphs no position sees what stands to its right, as if the decoder were causal: the "
            "model cannot be exported"
        )
