"""Mean squared distance of the scores from the truth, 0 (best) to 2.

The multi-class form that sums over labels; with two labels it is twice the two-class form. A gold
label that training lacked is a further label with score 0. Multi-label: the mean over labels of the
two-class form, 0 to 1. nan without scores.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored


class Brier(Metric):
    """Quadratic score."""

    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.0)
    needs_scores: ClassVar[bool] = True

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        """The squared distance of each row; nan without scores."""
        if scored.scores is None:
            return np.full(len(scored), np.nan)
        scores = np.asarray(scored.scores, dtype=np.float64)
        if scored.multi_label:
            return np.asarray(((scores - scored.gold) ** 2).mean(1))
        given = scores[np.arange(len(scored)), scored.gold]
        right = np.where(scored.gold >= 0, given, 0.0)
        return np.asarray((scores**2).sum(1) + 1 - 2 * right)
