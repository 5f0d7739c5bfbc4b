"""What the top-k metrics share."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored


class TopK(Metric):
    """A row is right where its gold label is among the likeliest `k`; of equal scores the earlier label goes first."""

    on_request: ClassVar[bool] = True
    needs_scores: ClassVar[bool] = True
    k: ClassVar[int] = 1

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        """1.0 for a right row, 0.0 for a wrong one; nan with fewer labels than k, several a row, or no scores."""
        if scored.scores is None or scored.multi_label or len(scored.labels) < self.k:
            return np.full(len(scored), np.nan)
        first = np.argsort(-np.asarray(scored.scores), axis=1, kind="stable")[:, : self.k]
        return np.asarray((first == scored.gold[:, None]).any(axis=1), dtype=np.float64)
