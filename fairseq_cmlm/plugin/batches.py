"""Checks of batches: sentences too long for any batch, and too few batches for all processes."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from fairseq_cmlm.errors import OptionError, TextError

logger = logging.getLogger(__name__)


def long_of(sizes: np.ndarray) -> int:
    """Return a size that a hundred sentences of a training reach, or one in a hundred of a small one.

    Positions and lengths beyond are met too rarely to be learned.

    >>> long_of(np.arange(1000)), long_of(np.arange(20000)), long_of(np.array([3, 7]))
    (989, 19900, 7)
    """
    return int(np.sort(sizes)[-1 - min(99, len(sizes) // 100)])


def within_limits(indices: np.ndarray, dataset: Any, most: Any, skip: bool) -> np.ndarray:
    """Return the sentences among `indices` that are within `most`, the longest source and target in tokens.

    skip  leave longer ones out, with a count in the log, instead of raising a TextError that names the first line
    """
    kept: np.ndarray
    kept, too_long = dataset.filter_indices_by_size(indices, most)
    if not too_long:
        return kept
    first = getattr(dataset, "first_line", 1)
    lines = sorted(int(i) + first for i in too_long)
    source, target = (int(size) for size in dataset.size(lines[0] - first))
    limits = f"--max-source-positions, --max-target-positions and --max-tokens allow, {most}"
    if not skip:
        raise TextError(
            f"{len(lines)} line(s) are longer than {limits}, the first of them line {lines[0]} with "
            f"({source}, {target}) tokens (source, target; </s> counts): shorten them, or leave them "
            "out with --skip-invalid-size-inputs-valid-test"
        )
    logger.warning(f"skipped {len(lines)} line(s) longer than {limits}, the first of them line {lines[0]}")
    return kept


def refuse_none(available: int) -> None:
    """Raise a TextError if no batch is `available`."""
    if not available:
        raise TextError(
            "no sentence is left: the text has none, or all are longer than --max-source-positions, "
            "--max-target-positions and --max-tokens allow"
        )


def refuse_too_few(available: int, shards: int, processes: int) -> None:
    """Raise an OptionError if a process of a shard would get none of the `available` batches."""
    if shards * processes > available:
        times = f" times --distributed-world-size {processes}" if processes > 1 else ""
        raise OptionError(
            f"--num-shards {shards}{times} is more than the {available} batch(es): use fewer, or a smaller "
            "--batch-size or --max-tokens"
        )
