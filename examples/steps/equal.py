"""Print how many updates another model took, and how many an autoregressive one makes in the time that it took.

python equal.py TRAIN_LOG OTHER...    TRAIN_LOG is of the autoregressive model, OTHER are logs of fairseq-train and of
                                      fairseq-generate: all that went into the other model
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

# Updates a second are words a second over words of a batch; `ups` has two decimals, too few for slow trainings.
_RATES = re.compile(r"train_inner .* wps=([\d.]+), .*wpb=([\d.]+), .*num_updates=")
_UPDATES = re.compile(r"num_updates[= ](\d+)")
_TRANSLATED = re.compile(r"Translated .* in ([\d.]+)s ")


def updates(log: str) -> int:
    """Return how many updates a training has made: none where the log is of a translation."""
    return max(map(int, _UPDATES.findall(log)), default=0)


def seconds_an_update(log: str, name: str) -> float:
    """Return the mean over the fastest tenth of a log of fairseq-train, the file `name`.

    Neither an interruption nor other work on the machine changes it, unless that lasts the whole training.
    """
    times = [float(batch) / float(rate) for rate, batch in _RATES.findall(log) if float(rate)]
    if not times:
        sys.exit(f"equal.py: {name} tells no updates a second")
    fastest = sorted(times)[: -(-len(times) // 10)]
    return sum(fastest) / len(fastest)


def seconds(log: str, name: str) -> float:
    """Return the time of a whole training, or of a translation."""
    if number := updates(log):
        return number * seconds_an_update(log, name)
    return sum(map(float, _TRANSLATED.findall(log)))


def main(autoregressive: str, *others: str) -> None:
    """Print both numbers."""
    logs = {name: Path(name).read_text("utf-8", errors="replace") for name in (autoregressive, *others)}
    time = sum(seconds(logs[name], name) for name in others)
    print(
        sum(updates(logs[name]) for name in others),
        round(time / seconds_an_update(logs[autoregressive], autoregressive)),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
