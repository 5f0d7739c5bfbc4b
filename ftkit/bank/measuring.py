"""How the rows of a bank are judged: by the primary metric where it is a mean over rows, else by one of the task's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ftkit import metrics
from ftkit.statistics import paired

if TYPE_CHECKING:
    from ftkit.features.scale import Scale
    from ftkit.metrics import Metric, Scored
    from ftkit.recipe import Recipe
    from ftkit.statistics.paired import Comparison
    from ftkit.tasks import Task


@dataclass(frozen=True, eq=False)
class Measure:
    """What single groups are judged by: a difference can be told for every row, and is positive where it is better."""

    task: Task
    labels: tuple[str, ...]
    """as reports name them"""
    metric: Metric
    """a mean over rows"""
    scale: Scale | None
    """of the numbers that the bank predicts; None for labels"""

    @classmethod
    def of(cls, recipe: Recipe, labels: tuple[str, ...], scale: Scale | None) -> Measure:
        """That of a bank's recipe."""
        primary = metrics.load(recipe.evaluate.metrics[0])
        nothing = _nothing(recipe.task, labels)
        rowwise = primary.rows(nothing) is not None
        return cls(recipe.task, labels, primary if rowwise else metrics.load(recipe.task.row_metric), scale)

    def scored(self, targets: np.ndarray, scores: np.ndarray) -> Scored:
        """Targets and what was said of the same rows, in the form that metrics take."""
        return self.task.scored(targets, scores, self.labels)

    def gains(self, targets: np.ndarray, general: np.ndarray, own: np.ndarray) -> np.ndarray:
        """(rows,) by how much one's own adapter is better than the general one, from what both say."""
        first, second = (self.metric.rows(self.scored(targets, one)) for one in (general, own))
        assert first is not None and second is not None
        difference: np.ndarray = second - first if self.metric.higher_is_better else first - second
        return difference

    def compare(
        self,
        one: Scored,
        other: Scored,
        units: np.ndarray | None = None,
        margin: float | None = None,
        family: int = 1,
    ) -> Comparison:
        """The first against the second on the same rows; `margin`: the smallest loss that matters, None: one point."""
        return paired.compare(self.metric, one, other, units, self.margin if margin is None else margin, family)

    @property
    def margin(self) -> float | None:
        """One point: a hundredth of what the metric spans.

        Errors span from 0 to that of an answer which is off by a standard deviation of the targets, about what always
        answering their mean comes to. The deviation is that of the bank's first general adapter: it stays the same
        however the rows change. None for an error of anything else.
        """
        if self.scale is None or np.isfinite(self.metric.bounds[1]):
            return paired.margin_of(self.metric, None)
        mean = self.scale.mean[None]
        return paired.MARGIN * self.metric.compute(metrics.Scored(self.labels, mean + self.scale.sd, mean))


def _nothing(task: Task, labels: tuple[str, ...]) -> Scored:
    """One row, to see what a metric makes of rows."""
    if task.kind == "values":
        zero = np.zeros((1, len(labels)))
        return metrics.Scored(labels, zero, zero)
    return metrics.Scored(("a", "b"), np.array([0]), np.array([0]), np.array([[1.0, 0.0]]))
