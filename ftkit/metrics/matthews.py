"""Correlation of gold and prediction, from -1 to 1; 0 is what guessing reaches.

The multi-class coefficient of scikit-learn's `matthews_corrcoef`, 0 where gold or prediction is
constant. Multi-label: the mean of the two-class coefficient over labels that occur in gold.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics._kinds import CountMetric, Counts, divide, mean_over_gold


class Matthews(CountMetric):
    """Matthews correlation coefficient."""

    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def of_counts(self, counts: Counts) -> np.ndarray:
        rows = counts.rows.astype(np.float64)
        predicted, gold = counts.predicted.astype(np.float64), counts.gold.astype(np.float64)
        if counts.multi_label:
            rows = rows[..., None]
            above = counts.right * rows - predicted * gold
            below = np.sqrt(predicted * (rows - predicted) * gold * (rows - gold))
            return mean_over_gold(divide(above, below), counts)
        above = counts.right.sum(-1) * rows - (predicted * gold).sum(-1)
        spread = (rows**2 - (predicted**2).sum(-1)) * (rows**2 - (gold**2).sum(-1))
        return divide(above, np.sqrt(np.maximum(spread, 0.0)))
