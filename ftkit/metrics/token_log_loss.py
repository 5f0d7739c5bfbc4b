"""Mean over rows of -log of the gold tag's probability, of a row the mean over its tokens: the training loss."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._spans import TAGS

FLOOR = float(np.finfo(np.float32).tiny)  # of a probability, so that its logarithm is finite


class TokenLogLoss(Metric):
    """Tokens whose tag training lacked, and those that the base was not shown, are left out."""

    kinds: ClassVar[frozenset[str]] = TAGS
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    needs_scores: ClassVar[bool] = True

    def suits(self, scored: Scored) -> bool:
        """Predictions that are kept hold no probabilities of tags that were not predicted."""
        return scored.scores is not None

    def compute(self, scored: Scored) -> float:
        losses = self.rows(scored)
        known = np.zeros(0) if losses is None else losses[~np.isnan(losses)]
        return float(known.mean()) if len(known) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray | None:
        """(rows,) losses, nan where no token of a row counts; None without probabilities."""
        if scored.scores is None:
            return None
        place = {label: number for number, label in enumerate(scored.labels)}
        found = np.full(len(scored), np.nan)
        for number, (row, tags) in enumerate(zip(scored.scores, scored.gold, strict=True)):
            places = np.array([place.get(str(tag), -1) for tag in tags], dtype=np.int64)
            known = (places >= 0) & (row.sum(axis=1) > 0)
            if known.any():
                found[number] = -np.log(np.maximum(row[known, places[known]], FLOOR)).mean()
        return found
