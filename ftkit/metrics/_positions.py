"""What metrics of predicted positions share: coordinates and floor among the targets, and quantiles of errors."""

from __future__ import annotations

from statistics import NormalDist
from typing import ClassVar

import numpy as np

from ftkit.data import positions
from ftkit.metrics import Scored
from ftkit.metrics._kinds import InfluenceMetric
from ftkit.metrics._values import VALUES


def coordinates(scored: Scored) -> list[int]:
    """Places of the coordinates among the targets; of what is no position, all are taken for those of one point."""
    if not is_position(scored):
        return list(range(len(scored.labels)))
    return [i for i, name in enumerate(scored.labels) if positions.plain(name) in positions.AXES]


def is_position(scored: Scored) -> bool:
    """Whether a point is predicted."""
    return positions.are_position(scored.labels)


def floor(scored: Scored) -> int | None:
    """Place of the floor among the targets."""
    named = [positions.plain(name) for name in scored.labels]
    return named.index(positions.FLOOR) if is_position(scored) and positions.FLOOR in named else None


def errors(scored: Scored) -> np.ndarray:
    """(rows,) distances between predicted and true point, in the unit of the coordinates."""
    taken = coordinates(scored)
    return np.asarray(np.sqrt(((scored.prediction - scored.gold)[:, taken] ** 2).sum(axis=1)))


def floors_off(scored: Scored) -> np.ndarray | None:
    """(rows,) floors between predicted and true one; None where none is predicted."""
    place = floor(scored)
    return None if place is None else np.abs(np.round(scored.prediction[:, place]) - scored.gold[:, place])


class ErrorQuantile(InfluenceMetric):
    """A quantile of what each row is off by.

    The influence of a row is (share - [row at or below the quantile]) / density. The density is that of the rows
    between two quantiles about it, as far apart as Hall and Sheather (1988) say.
    """

    kinds: ClassVar[frozenset[str]] = VALUES
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    share: ClassVar[float] = 0.5

    def suits(self, scored: Scored) -> bool:
        """Whether a point is predicted."""
        return is_position(scored)

    def off(self, scored: Scored) -> np.ndarray:
        """(rows,) what the quantile is of."""
        return errors(scored)

    def compute(self, scored: Scored) -> float:
        return float(np.quantile(self.off(scored), self.share)) if len(scored) else float("nan")

    def contributions(self, scored: Scored) -> np.ndarray:
        off = self.off(scored)
        value = float(np.quantile(off, self.share))
        moved = (self.share - (off <= value)) * sparsity(off, self.share)
        return np.asarray(value + moved - moved.mean())


def sparsity(values: np.ndarray, share: float) -> float:
    """One over the density at a quantile."""
    normal = NormalDist()
    at = normal.inv_cdf(share)
    width = 1.5 * normal.pdf(at) ** 2 / (2 * at**2 + 1)
    reach = (normal.inv_cdf(0.975) ** 2 * width / len(values)) ** (1 / 3)
    low, high = max(0.0, share - reach), min(1.0, share + reach)
    ends = np.quantile(values, [low, high])
    return float((ends[1] - ends[0]) / (high - low))
