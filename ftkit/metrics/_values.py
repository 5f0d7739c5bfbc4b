"""What metrics of predicted numbers share."""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._kinds import divide

VALUES = frozenset({"values"})
MOST_RATINGS = 20
"""different whole numbers up to which gold values are taken for ratings"""


def are_ratings(scored: Scored) -> bool:
    """Whether all gold values are whole numbers, and few different ones."""
    gold = scored.gold
    return bool(gold.size) and bool((gold == np.round(gold)).all()) and len(np.unique(gold)) <= MOST_RATINGS


def crossed(gold: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(rows, targets, 5) x, y, x², y² and xy, x and y counted from the mean of gold so that no digits are lost."""
    centre = gold.mean(axis=0)
    x, y = gold - centre, prediction - centre
    return np.stack([x, y, x * x, y * y, x * y], axis=-1)


def correlation(means: np.ndarray) -> np.ndarray:
    """(…) Pearson's of the means of `crossed` (…, targets, 5), averaged over targets; nan where one is constant."""
    x, y, xx, yy, xy = np.moveaxis(means, -1, 0)
    spread = np.sqrt(_cleared(xx - x * x, xx) * _cleared(yy - y * y, yy))
    found = np.clip(divide(xy - x * y, spread), -1.0, 1.0)
    return np.asarray(np.where((spread > 0).all(axis=-1), found.mean(axis=-1), np.nan))


def _cleared(variance: np.ndarray, square: np.ndarray) -> np.ndarray:
    """A variance that is nothing but rounding is none."""
    return np.where(variance > 1e-12 * square, variance, 0.0)
