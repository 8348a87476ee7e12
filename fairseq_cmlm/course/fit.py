"""A law fitted to measured points."""

from __future__ import annotations

from typing import NamedTuple, Sequence

_EXPONENTS = [step / 100 for step in range(5, 301)]


class PowerLaw(NamedTuple):
    """y = limit - fall * x^-exponent, and the root of the mean squared error at the points it was fitted to.

    settled  whether the points tell the exponent: another one of the grid, smaller or greater, fits worse
    """

    limit: float
    fall: float
    exponent: float
    error: float
    settled: bool

    def at(self, x: float) -> float:
        """Return y at x."""
        return float(self.limit - self.fall * x**-self.exponent)


def power_law(points: Sequence[tuple[float, float]]) -> PowerLaw:
    """Fit the law to four points (x, y) or more by least squares, for each exponent of a grid in closed form.

    >>> found = power_law([(x, 30 - 8 / x) for x in (1, 2, 4, 8)])
    >>> round(found.limit, 3), round(found.fall, 3), found.exponent
    (30.0, 8.0, 1.0)
    """
    if len(points) < 4:
        raise ValueError(f"three parameters need more than {len(points)} points")
    return min((_with_exponent(points, exponent) for exponent in _EXPONENTS), key=lambda law: law.error)


def _with_exponent(points: Sequence[tuple[float, float]], exponent: float) -> PowerLaw:
    """Fit y = limit + slope * x^-exponent, which is linear in both."""
    xs, ys = [x**-exponent for x, _ in points], [y for _, y in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / spread
    limit = mean_y - slope * mean_x
    squares = sum((y - limit - slope * x) ** 2 for x, y in zip(xs, ys))
    settled = _EXPONENTS[0] < exponent < _EXPONENTS[-1]
    return PowerLaw(limit, -slope, exponent, (squares / len(points)) ** 0.5, settled)
