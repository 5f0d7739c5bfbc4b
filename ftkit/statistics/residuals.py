"""Predicted numbers against true ones: a drawable sample of rows, and the error by how large the truth is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._values import are_ratings

MOST_POINTS = 1000
"""rows of a scatter plot; more of them are one dark patch, and weigh in the page"""
BINS = 8
FEW = 5
"""rows of a bin at least"""

Table = dict[str, Any]


def residuals(scored: Scored) -> list[Table]:
    """One table a target: name, whether it is ratings, points (gold, prediction), and bins by the true number."""
    rows = np.arange(len(scored))
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST_POINTS])
    ratings = are_ratings(scored)
    return [
        {
            "target": name,
            "ratings": ratings,
            "rows": len(scored),
            "points": np.column_stack([gold, guess])[rows].round(6).tolist(),
            "bins": _bins(gold, guess, ratings),
        }
        for name, gold, guess in zip(scored.labels, scored.gold.T, scored.prediction.T, strict=True)
    ]


def _bins(gold: np.ndarray, guess: np.ndarray, ratings: bool) -> list[Table]:
    """Mean prediction, mean and absolute error where the truth lies in a range: a rating, else about equally many."""
    place = _places(gold, ratings)
    found = []
    for number in np.unique(place):
        mine = place == number
        gap = guess[mine] - gold[mine]
        found.append(
            {
                "low": float(gold[mine].min()),
                "high": float(gold[mine].max()),
                "rows": int(mine.sum()),
                "prediction": float(guess[mine].mean()),
                "error": float(gap.mean()),
                "absolute": float(np.abs(gap).mean()),
            }
        )
    return found


def _places(gold: np.ndarray, ratings: bool) -> np.ndarray:
    """(rows,) the bin of each row; equal numbers share one."""
    if ratings:
        return np.asarray(np.unique(gold, return_inverse=True)[1])
    wanted = int(np.clip(len(gold) // FEW, 1, BINS))
    edges = np.quantile(gold, np.arange(1, wanted) / wanted) if len(gold) else np.zeros(0)
    return np.searchsorted(np.unique(edges), gold, "right")
