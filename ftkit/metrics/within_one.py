"""Share of ratings that are predicted within one, rounded to whole numbers.

With several targets a row counts where all of its are.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._values import VALUES, are_ratings


class WithinOne(Metric):
    """A row counts where no target is off by more than 1."""

    kinds: ClassVar[frozenset[str]] = VALUES

    def suits(self, scored: Scored) -> bool:
        """Whether the truth is ratings."""
        return are_ratings(scored)

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        """1.0 for a row within one, 0.0 for another."""
        return np.asarray((np.abs(np.round(scored.prediction) - scored.gold) <= 1).all(axis=1), dtype=np.float64)
