"""The figures of the paper (Ghazvininejad et al. 2019, arXiv:1904.09324v2), by language pair: WMT test sets, l=5.

BLEU is tokenised, but for Chinese, where it is sacreBLEU's. Length accuracy and repeated tokens are in percent.
"""

from __future__ import annotations

from typing import NamedTuple

PassesToFigure = dict[int, float]

# BLEU after T passes (tables 1 to 3). d=512; feed-forward 512 (small) and 2048 (base).
SMALL: dict[str, PassesToFigure] = {
    "en-de": {1: 15.06, 4: 24.17, 10: 25.51},
    "de-en": {1: 19.26, 4: 28.55, 10: 29.47},
    "en-ro": {1: 20.12, 4: 30.00, 10: 31.65},
    "ro-en": {1: 20.36, 4: 30.43, 10: 32.27},
}
BASE: dict[str, PassesToFigure] = {
    "en-de": {1: 18.05, 2: 22.91, 3: 24.99, 4: 25.94, 5: 26.30, 10: 27.03},
    "de-en": {1: 21.83, 4: 29.90, 10: 30.53},
    "en-ro": {1: 27.32, 2: 31.08, 3: 32.19, 4: 32.53, 5: 32.62, 10: 33.08},
    "ro-en": {1: 28.20, 4: 33.23, 10: 33.31},
    "en-zh": {1: 24.23, 4: 32.63, 10: 33.19},
    "zh-en": {1: 13.64, 4: 21.90, 10: 23.21},
}

# BLEU of the autoregressive Transformers (tables 1 and 2).
AUTOREGRESSIVE_BASE = {
    "en-de": 27.74,
    "de-en": 31.09,
    "en-ro": 34.28,
    "ro-en": 33.99,
    "en-zh": 34.31,
    "zh-en": 23.74,
}
AUTOREGRESSIVE_DISTILLED = {"en-de": 27.86, "de-en": 31.07, "en-zh": 34.44, "zh-en": 23.99}
AUTOREGRESSIVE_LARGE = {"en-de": 28.60, "de-en": 31.71, "en-zh": 35.01, "zh-en": 24.65}

# Repeated tokens after T passes, base (table 3).
REPEATED: dict[str, PassesToFigure] = {
    "en-de": {1: 16.72, 2: 5.40, 3: 2.03, 4: 1.07, 5: 0.72},
    "en-ro": {1: 9.34, 2: 2.82, 3: 1.26, 4: 0.87, 5: 0.61},
}

# BLEU in the buckets of the target length after T passes, 0 for one a token, base (table 4).
BY_LENGTH: dict[str, dict[int, tuple[float, ...]]] = {
    "en-de": {
        4: (21.8, 24.6, 24.9, 24.9, 25.0),
        10: (22.4, 25.9, 26.7, 26.7, 27.5),
        0: (22.4, 26.0, 27.1, 27.6, 28.1),
    }
}


class ByCandidates(NamedTuple):
    """BLEU and length accuracy with 1 to 9 length candidates, and BLEU with the reference's length; T=10, base."""

    bleu: tuple[float, ...]
    accuracy: tuple[float, ...]
    gold: float


# Table 5. The fourth of Romanian is as printed; its neighbours let expect 33.13.
CANDIDATES = {
    "en-de": ByCandidates(
        bleu=(26.56, 27.03, 27.09, 27.09, 27.03, 26.91, 26.71, 26.59, 26.42),
        accuracy=(16.1, 30.6, 43.1, 53.1, 62.2, 69.5, 75.5, 80.3, 83.8),
        gold=27.27,
    ),
    "en-ro": ByCandidates(
        bleu=(32.75, 33.06, 33.11, 32.13, 33.08, 32.91, 32.75, 32.50, 32.09),
        accuracy=(13.8, 26.1, 39.6, 49.2, 57.5, 64.3, 70.4, 74.6, 78.3),
        gold=33.20,
    ),
}

# BLEU after T passes when trained on raw data, base (table 6); BASE is on distilled data.
RAW: dict[str, PassesToFigure] = {
    "en-de": {1: 10.64, 4: 22.25, 10: 24.61},
    "en-ro": {1: 21.22, 4: 31.40, 10: 32.86},
}


class Speed(NamedTuple):
    """Speed relative to the autoregressive base with beam 5, and BLEU."""

    times_as_fast: float
    bleu: float


# After T passes with l candidates (T, l), and of the greedy autoregressive model (read off the plot by eye).
SPEED: dict[str, dict[tuple[int, int], Speed]] = {
    "en-de": {(4, 2): Speed(3.06, 25.65), (8, 2): Speed(1.82, 26.53), (10, 2): Speed(1.30, 27.03)}
}
AUTOREGRESSIVE_GREEDY_SPEED = {"en-de": 1.18}
