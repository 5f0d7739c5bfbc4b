"""Agreement of ratings beyond chance, an error of two counting four times one of one; 1 is perfect.

Cohen's kappa with quadratic weights, on predictions rounded to whole numbers. With several targets their mean. It is
for ratings: nan where the truth is no whole number, or where predictions and truth are one and the same number. Equal
to scikit-learn's `cohen_kappa_score(..., weights="quadratic")` of the rounded predictions. Cohen, Weighted kappa,
Psychological Bulletin 1968.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._kinds import MomentMetric, divide
from ftkit.metrics._values import VALUES, are_ratings, crossed


class QuadraticKappa(MomentMetric):
    """Agreement on an ordinal scale beyond chance."""

    kinds: ClassVar[frozenset[str]] = VALUES
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def suits(self, scored: Scored) -> bool:
        """Whether the truth is ratings."""
        return are_ratings(scored)

    def moments(self, scored: Scored) -> np.ndarray:
        """(rows, targets, 5); nan where the truth is no whole number."""
        whole = np.where(scored.gold == np.round(scored.gold), scored.gold, np.nan)
        return crossed(whole, np.round(scored.prediction))

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        x, y, xx, yy, xy = np.moveaxis(means, -1, 0)
        chance = xx + yy - 2 * x * y  # mean squared distance of any gold value from any prediction
        kappa = np.clip(1 - divide(xx + yy - 2 * xy, chance), -1.0, 1.0)
        return np.asarray(np.where((chance > 1e-12).all(axis=-1), kappa.mean(axis=-1), np.nan))
