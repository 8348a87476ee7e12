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
_CLOSE = 1e-3  # in log-probabilities; reordering a sum of thousands of products changes it by some 1e-5


def check_graphs(network: TorchNetwork, graphs: Network, symbols: Symbols, limits: tuple[int, int]) -> None:
    """Raise a BundleError unless the graphs, in float32, agree with the network and read both sides of a position."""
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
        _check_numbers(network, graphs, source, rows, masked)
    _check_sight(graphs, graphs.encode(source), rows[:1, real[0]], symbols)


@torch.no_grad()
def _check_numbers(network: TorchNetwork, graphs: Network, source: Array, rows: Array, masked: Array) -> None:
    """Compare the outputs of network and graphs for a source (S,) and rows (n, T)."""
    encoding = network.encode(torch.from_numpy(source)[None])
    positions = torch.from_numpy(np.flatnonzero(masked))
    wanted = network.logits(encoding, torch.from_numpy(rows), positions).log_softmax(dim=1).numpy()
    encoded = graphs.encode(source)
    real = rows != network.decoder.pad
    token, log_prob, *_, logits = graphs.step(encoded, Layout.of(real), rows, masked, True)
    lengths = encoding.encoded.length_logits[0].log_softmax(dim=0).numpy()
    found = log_softmax(logits)
    far = max(
        *(
            float(np.abs(one - other).max())
            for one, other in ((found, wanted), (log_softmax(encoded.length_logits), lengths))
        ),
        float(np.abs(wanted[np.arange(len(token)), token] - log_prob).max()),
    )
    if not far < _CLOSE:  # also true for NaN
        raise BundleError(
            f"the exported graphs differ from the model by {far:.2g} in log-probabilities, and at most {_CLOSE:g} is "
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
