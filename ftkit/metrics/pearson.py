"""Linear correlation of predicted and true numbers, from -1 to 1.

With several targets their mean. It does not see a constant error or a wrong unit; nan where the predictions or the
truth are all the same.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._kinds import MomentMetric
from ftkit.metrics._values import VALUES, correlation, crossed


class Pearson(MomentMetric):
    """Linear correlation."""

    kinds: ClassVar[frozenset[str]] = VALUES
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def moments(self, scored: Scored) -> np.ndarray:
        """(rows, targets, 5)."""
        return crossed(scored.gold, scored.prediction)

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        return correlation(means)
