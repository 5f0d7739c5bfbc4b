"""Mean of -log(probability given to the gold label), in nats; 0 is best.

Probabilities are clipped at 1e-15, which is also what a gold label that training lacked is given.
Multi-label: the sum over labels of the two-class log-loss of each. nan without scores.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored

CLIP = 1e-15


class LogLoss(Metric):
    """Cross-entropy of the scores."""

    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    needs_scores: ClassVar[bool] = True

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        """The loss of each row; nan without scores."""
        if scored.scores is None:
            return np.full(len(scored), np.nan)
        scores = np.asarray(scored.scores, dtype=np.float64)
        if scored.multi_label:
            right = np.where(scored.gold == 1, scores, 1 - scores)
            return np.asarray(-np.log(np.maximum(right, CLIP)).sum(1))
        given = scores[np.arange(len(scored)), scored.gold]  # gold -1 reads the last label, replaced below
        return np.asarray(-np.log(np.maximum(np.where(scored.gold >= 0, given, 0.0), CLIP)))
