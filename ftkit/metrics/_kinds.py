"""Families of metrics that allow more than calling `compute` again and again.

Intervals and permutation tests need a metric on thousands of variations of the same rows. A metric
that is a function of counts per label (`CountMetric`) or of means over rows (`MomentMetric`), or that
has a first-order contribution of each row (`InfluenceMetric`), gives all of them in one vectorised
call. A metric of one's own may subclass these, or plain `Metric`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored


@dataclass(frozen=True)
class Counts:
    """Rows counted by label; leading axes, where there are any, are variations of the same rows.

    Single-label: the last label stands for gold labels that training lacked.
    """

    right: np.ndarray
    """(…, labels) rows whose gold and predicted label it is"""
    predicted: np.ndarray
    """(…, labels)"""
    gold: np.ndarray
    """(…, labels)"""
    rows: np.ndarray
    """(…,)"""
    multi_label: bool

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.right + other.right,
            self.predicted + other.predicted,
            self.gold + other.gold,
            self.rows + other.rows,
            self.multi_label,
        )

    def __sub__(self, other: Counts) -> Counts:
        return Counts(
            self.right - other.right,
            self.predicted - other.predicted,
            self.gold - other.gold,
            self.rows - other.rows,
            self.multi_label,
        )


def count(scored: Scored) -> Counts:
    """The counts of all rows together, each (labels,)."""
    rows = np.asarray(len(scored))
    if scored.multi_label:
        right, predicted, gold = scored.gold * scored.prediction, scored.prediction, scored.gold
        return Counts(right.sum(0), predicted.sum(0), gold.sum(0), rows, True)
    width = len(scored.labels) + 1
    hit = scored.gold[scored.gold == scored.prediction]
    predicted = np.bincount(scored.prediction, minlength=width)
    gold = np.bincount(scored.gold + 1, minlength=width)
    return Counts(np.bincount(hit, minlength=width), predicted, np.roll(gold, -1), rows, False)


def count_each(scored: Scored) -> Counts:
    """The counts of each row by itself, each (rows, labels); they sum to `count`."""
    ones = np.ones(len(scored))
    if scored.multi_label:
        gold, predicted = scored.gold.astype(float), scored.prediction.astype(float)
        return Counts(gold * predicted, predicted, gold, ones, True)
    labels = np.arange(len(scored.labels) + 1)
    gold = (scored.gold % len(labels))[:, None] == labels
    predicted = scored.prediction[:, None] == labels
    return Counts((gold & predicted).astype(float), predicted.astype(float), gold.astype(float), ones, False)


def divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The quotient, 0 where the divisor is 0 (what scikit-learn calls `zero_division=0`)."""
    safe = np.zeros(np.broadcast(above, below).shape)
    return np.asarray(np.divide(above, below, out=safe, where=below != 0))


def mean_over_gold(values: np.ndarray, counts: Counts) -> np.ndarray:
    """The mean over labels that occur in gold; nan where none does."""
    occurs = counts.gold > 0
    number = occurs.sum(-1)
    return np.where(number > 0, divide((values * occurs).sum(-1), number), np.nan)


class CountMetric(Metric):
    """A metric that is a function of how often each label is right, predicted and gold."""

    by_label: ClassVar[bool] = False
    """a mean over labels, which needs enough rows of each"""
    share_of_gold: ClassVar[bool] = False
    """a mean of shares of each label's gold rows, which tell no more than as many coin tosses"""

    def of_counts(self, counts: Counts) -> np.ndarray:
        """The values, one for each variation of the rows."""
        raise TypeError(f"{type(self).__name__} has no of_counts")

    def compute(self, scored: Scored) -> float:
        return float(self.of_counts(count(scored))) if len(scored) else float("nan")


class InfluenceMetric(Metric):
    """A metric that is nearly a mean of contributions, one of each row."""

    by_label: ClassVar[bool] = False
    """a mean over labels, which needs enough rows of each"""

    def contributions(self, scored: Scored) -> np.ndarray:
        """(rows,) value plus the row's first-order influence; their mean is the value itself."""
        raise TypeError(f"{type(self).__name__} has no contributions")


class MomentMetric(Metric):
    """A metric that is a smooth function of means over rows, such as a correlation, or an F1 of what rows hold."""

    def moments(self, scored: Scored) -> np.ndarray:
        """(rows, …) numbers of each row by itself, but for constants taken from gold."""
        raise TypeError(f"{type(self).__name__} has no moments")

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        """Values (…) of the means of the moments (…, as one row has them), one for each variation of the rows."""
        raise TypeError(f"{type(self).__name__} has no of_moments")

    def compute(self, scored: Scored) -> float:
        return float(self.of_moments(self.moments(scored).mean(axis=0))) if len(scored) else float("nan")
