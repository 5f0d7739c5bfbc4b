"""Two procedures on the same rows, predicted out of fold."""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.statistics.paired import Comparison, compare

MEANING = "The interval is of the procedure: how far its score would move on other rows as many as these."


def compare_folds(
    metric: Metric,
    a: Scored,
    b: Scored,
    folds: np.ndarray,
    units: np.ndarray | None = None,
    margin: float | None = None,
    family: int = 1,
) -> Comparison:
    """As if rows were independent, until this is written."""
    return compare(metric, a, b, units, margin, family)
