"""Rank correlation of predicted and true numbers, from -1 to 1.

With several targets their mean. Whether larger values are predicted larger, by however much. Equal values share the
mean of their ranks. nan where
the predictions or the truth are all the same.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._values import VALUES, correlation, crossed


class Spearman(Metric):
    """Pearson's correlation of the ranks."""

    kinds: ClassVar[frozenset[str]] = VALUES
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def compute(self, scored: Scored) -> float:
        if not len(scored):
            return float("nan")
        ranks = (np.stack([_ranks(column) for column in one.T], 1) for one in (scored.gold, scored.prediction))
        return float(correlation(crossed(*ranks).mean(axis=0)))


def _ranks(values: np.ndarray) -> np.ndarray:
    """(rows,) places from 1, equal values at the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place])
