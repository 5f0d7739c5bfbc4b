"""Two accuracies on the same rows: McNemar's exact test, Tango's interval, and what could be seen.

`fixed` rows are wrong in the reference and right now, `broken` rows the other way round; rows on
which both agree say nothing about the difference.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

POWER = 0.8
MANY_ROWS = 5_000  # above which the search for a number of rows takes long, and tells nothing new


def exact(fixed: int, broken: int) -> float:
    """Two-sided p-value of the exact test: `fixed` is a fair coin's heads if nothing differs."""
    from scipy.special import bdtr

    return float(min(1.0, 2 * bdtr(min(fixed, broken), fixed + broken, 0.5)))


def tango(fixed: int, broken: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of (fixed - broken) / rows by the score test of Tango (1998)."""
    from scipy.special import ndtri

    wanted = float(ndtri(0.5 + level / 2))
    middle = (fixed - broken) / rows

    def distance(delta: float) -> float:
        gap = fixed - broken - rows * delta
        variance = rows * (2 * nuisance(fixed, broken, rows, delta) + delta * (1 - delta))
        if variance <= 0:
            return 0.0 if gap == 0 else float(np.sign(gap)) * float("inf")
        return float(gap / variance**0.5)

    low = _root(distance, -1.0, middle, wanted) if middle > -1 else -1.0
    high = _root(distance, middle, 1.0, -wanted) if middle < 1 else 1.0
    return low, high


def nuisance(fixed: int, broken: int, rows: int, delta: float) -> float:
    """The likeliest probability of a broken row if the true difference were `delta`."""
    linear = -fixed - broken + (2 * rows - fixed + broken) * delta
    inside = max(0.0, linear**2 + 8 * rows * broken * delta * (1 - delta))
    return float((inside**0.5 - linear) / (4 * rows))


def smallest_effect(fixed: int, broken: int, rows: int, alpha: float = 0.05) -> float | None:
    """The smallest true difference that the exact test finds with a power of 80 %.

    At the observed share of rows on which the two differ, or the share that the difference itself
    needs where that is more; None where not even a difference of 1 could be found.
    """
    share = (fixed + broken) / rows
    if power(1.0, share, rows, alpha) < POWER:
        return None
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, share, rows, alpha) >= POWER else (middle, high)
    return high


def power(delta: float, share: float, rows: int, alpha: float = 0.05) -> float:
    """Chance that the exact test finds a true difference of `delta` > 0 at a `share` of differing rows."""
    from scipy.special import bdtr

    share = max(share, delta)
    reach = 8 * (rows * share * (1 - share)) ** 0.5 + 8  # counts further from the expected one do not happen
    first, last = max(1, int(rows * share - reach)), min(rows, int(rows * share + reach))
    differing = np.arange(first, last + 1)
    chance = np.diff(bdtr(np.arange(first - 1, last + 1), rows, share))
    limit = _limits(differing, alpha)
    found = np.where(limit >= 0, bdtr(np.maximum(limit, 0), differing, (share - delta) / (2 * share)), 0.0)
    return float(chance @ found)


def _limits(differing: np.ndarray, alpha: float) -> np.ndarray:
    """The largest number of broken rows that still rejects, for each number of differing rows; -1 where none does."""
    from scipy.special import bdtr, ndtri

    def rejects(broken: np.ndarray) -> np.ndarray:
        return np.asarray((broken < 0) | (2 * bdtr(np.maximum(broken, 0), differing, 0.5) <= alpha))

    # the normal approximation is off by one or two, which inverting the binomial takes 5 to 10 times longer to say
    limit = np.maximum(-1.0, np.floor((differing + float(ndtri(alpha / 2)) * differing**0.5) / 2))
    while not (fits := rejects(limit)).all():
        limit = np.where(fits, limit, limit - 1)
    while (more := rejects(limit + 1)).any():
        limit = np.where(more, limit + 1, limit)
    return limit


def rows_needed(delta: float, share: float, alpha: float = 0.05) -> int:
    """Rows with which the exact test finds a true difference of `delta` > 0 with a power of 80 %.

    At a `share` of differing rows, or what the difference itself needs where that is more. The normal
    approximation of Connor (1987) is where the search starts. The exact test needs about 2 / delta
    rows more, which is what is added to it where that many rows make the search long.
    """
    from scipy.special import ndtri

    share = max(share, delta)
    spread = float(ndtri(1 - alpha / 2)) * share**0.5 + float(ndtri(POWER)) * max(0.0, share - delta**2) ** 0.5
    known = int((spread / delta) ** 2)
    if known > MANY_ROWS:
        return known + int(2 / delta)
    low, high = known // 2, known + int(4 / delta) + 1
    while power(delta, share, high, alpha) < POWER:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(delta, share, middle, alpha) >= POWER else (middle, high)
    return high


def _root(function: Callable[[float], float], low: float, high: float, wanted: float) -> float:
    """Where a falling function takes the value `wanted`, by halving."""
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
