"""Mean absolute error, in the unit of the numbers that are predicted; 0 is best.

With several targets the mean of theirs.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._values import VALUES


class Mae(Metric):
    """Mean of |prediction - gold|."""

    kinds: ClassVar[frozenset[str]] = VALUES
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        """The error of each row, averaged over targets."""
        return np.asarray(np.abs(scored.prediction - scored.gold).mean(axis=1))
