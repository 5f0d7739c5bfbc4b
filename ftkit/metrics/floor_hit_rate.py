"""Share of rows whose floor is predicted right; nan where no floor is predicted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._positions import floors_off
from ftkit.metrics._values import VALUES


class FloorHitRate(Metric):
    """A row counts where the floor is the true one."""

    kinds: ClassVar[frozenset[str]] = VALUES

    def suits(self, scored: Scored) -> bool:
        """Whether a floor is predicted."""
        return floors_off(scored) is not None

    def compute(self, scored: Scored) -> float:
        hits = self.rows(scored)
        return float("nan") if hits is None or not len(scored) else float(hits.mean())

    def rows(self, scored: Scored) -> np.ndarray | None:
        """1.0 for a row on the right floor, 0.0 for another."""
        missed = floors_off(scored)
        return None if missed is None else np.asarray(missed == 0, dtype=np.float64)
