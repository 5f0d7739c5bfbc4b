"""Root of the mean squared error, in the unit of the numbers that are predicted; 0 is best.

Large errors weigh more than in the mean absolute error. With several targets the mean of theirs.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._kinds import MomentMetric
from ftkit.metrics._values import VALUES


class Rmse(MomentMetric):
    """Quadratic error, brought back to the unit of the target."""

    kinds: ClassVar[frozenset[str]] = VALUES
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))

    def moments(self, scored: Scored) -> np.ndarray:
        """(rows, targets) squared errors."""
        return np.asarray((scored.prediction - scored.gold) ** 2)

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        return np.asarray(np.sqrt(np.maximum(means, 0.0)).mean(axis=-1))  # sums of swapped rows may round below 0
