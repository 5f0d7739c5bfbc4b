"""Intervals of means over repetitions, and of differences that are seen on the same test rows in each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def half_width(values: Sequence[float] | np.ndarray) -> float:
    """Half of the 95 % interval of a mean of independent repetitions (Student)."""
    from scipy.stats import t

    count = len(values)
    return float(t.ppf(0.975, count - 1) * np.std(values, ddof=1) / count**0.5) if count > 1 else float("nan")


def half_of_both(differences: Sequence[float] | np.ndarray, over_rows: Sequence[tuple[float, float]]) -> float:
    """The same of a mean difference over repetitions on the same test rows, whose intervals over these are known."""
    rows = float(np.mean([high - low for low, high in over_rows])) / 2 if over_rows else 0.0
    return math.hypot(half_width(differences), rows)
