"""Answer only where sure: accuracy against the share of rows that are answered, and the confidence it takes.

El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, JMLR 2010.
"""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics.intervals import interval, normal
from ftkit.statistics.tables import Entry, entry

WANTED = (0.90, 0.95, 0.99)
"""accuracies that people ask for"""
DIGITS = 4
"""of a confidence, as `ftkit predict` writes it"""
POINTS = 50
"""of a curve at most"""
FEW_ROWS, FIRST = 10, 0.02
"""rows, and share of all rows, that a curve begins with at least"""


def threshold(confidence: np.ndarray, right: np.ndarray, wanted: float, weights: np.ndarray) -> float | None:
    """The lowest confidence from which on the answers reach the wanted accuracy; None where no one does.

    It is reached where the one-sided 95 % lower end of Wilson's interval is. Thresholds at which the share itself is
    high enough are chosen by luck: in simulations of 60 to 1,000 rows they miss what was wanted in half of the draws
    and more; those chosen by the lower end miss it in at most 7 %, not 5, because all thresholds are looked at.
    `weights` (rows,) say how much of a row each entry is.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, rows = confidence[order], np.cumsum(weights[order])
    share = np.cumsum((right * weights)[order]) / rows
    last = np.append(sure[1:] < sure[:-1], True)  # rows of equal confidence are answered together
    square = normal(0.90) ** 2  # two-sided 90 % leaves 5 % below
    low = (share + square / rows / 2 - np.sqrt(square / rows * (share * (1 - share) + square / rows / 4))) / (
        1 + square / rows
    )
    good = np.flatnonzero(last & (low >= wanted))
    return float(sure[good[-1]]) if len(good) else None


def curve(confidence: np.ndarray, scored: Scored, units: np.ndarray | None = None) -> list[Entry]:
    """Coverage, the confidence that it takes, and accuracy with its interval, from the surest rows to all of them."""
    order = np.argsort(-confidence, kind="stable")
    sure = confidence[order]
    ends = 1 + np.flatnonzero(np.append(sure[1:] < sure[:-1], True))
    ends = ends[ends >= min(max(FEW_ROWS, FIRST * len(sure)), len(sure))]
    wanted = np.linspace(0, len(ends) - 1, min(POINTS, len(ends))).round().astype(int)
    points = []
    for end in ends[np.unique(wanted)].tolist():
        rows = order[:end]
        found = interval(Accuracy(), scored.take(rows), None if units is None else units[rows])
        points.append(
            {
                "coverage": end / len(sure),
                "confidence": float(sure[end - 1]),
                "accuracy": found.value,
                "low": found.low,
                "high": found.high,
            }
        )
    return points


def answered(scored: Scored, kept: np.ndarray, units: np.ndarray | None = None) -> Entry:
    """What is answered of the rows, (rows,) bool, and how much of that is right; no accuracy where nothing is."""
    rows = np.flatnonzero(kept)
    found: Entry = {"coverage": len(rows) / len(kept), "rows": len(rows), "accuracy": None}
    if len(rows):
        part = None if units is None else units[rows]
        found["accuracy"] = entry(interval(Accuracy(), scored.take(rows), part))
    return found
