"""Mean distance between predicted and true position, in the unit of the coordinates (metres); 0 is best.

Where targets are no coordinates, the distance is that of points whose coordinates they were.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._positions import errors, is_position
from ftkit.metrics._values import VALUES


class MeanError(Metric):
    """Mean Euclidean distance over the coordinates."""

    kinds: ClassVar[frozenset[str]] = VALUES
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))

    def suits(self, scored: Scored) -> bool:
        """Whether a point is predicted."""
        return is_position(scored)

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        """The distance of each row."""
        return errors(scored)
