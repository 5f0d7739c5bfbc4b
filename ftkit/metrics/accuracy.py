"""Share of rows whose prediction is right (multi-label: all labels of the row)."""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Metric, Scored


class Accuracy(Metric):
    """A row with a gold label that training lacked is wrong."""

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        """1.0 for a right row, 0.0 for a wrong one."""
        same = scored.gold == scored.prediction
        return np.asarray(same.all(1) if scored.multi_label else same, dtype=np.float64)
