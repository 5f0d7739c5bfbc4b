"""How the rows of a bank are judged: by the primary metric where it is a mean over rows, else by one of the task's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ftkit import metrics
from ftkit.data import positions
from ftkit.statistics import paired

if TYPE_CHECKING:
    from ftkit.metrics import Metric, Scored
    from ftkit.recipe import Recipe
    from ftkit.statistics.paired import Comparison
    from ftkit.tasks import Task

SHARE = 0.05
"""of an error that one point stands for where errors have no upper end: as one point of accuracy at 80 %"""


@dataclass(frozen=True, eq=False)
class Measure:
    """What single groups are judged by: a difference can be told for every row, and is positive where it is better."""

    task: Task
    labels: tuple[str, ...]
    """as reports name them"""
    metric: Metric
    """a mean over rows"""

    @classmethod
    def of(cls, recipe: Recipe, labels: tuple[str, ...]) -> Measure:
        """That of a bank's recipe."""
        labels, primary = positions.answers(labels), metrics.load(recipe.evaluate.metrics[0])
        nothing = _nothing(recipe.task, labels)
        rowwise = primary.rows(nothing) is not None
        return cls(recipe.task, labels, primary if rowwise else metrics.load(recipe.task.row_metric))

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
        """The first against the second on the same rows; `margin` is the smallest loss that matters."""
        return paired.compare(self.metric, one, other, units, self.margin(other) if margin is None else margin, family)

    def margin(self, reference: Scored) -> float | None:
        """The smallest loss that matters: one point, of errors a share of the reference's own on the same rows."""
        if np.isfinite(self.metric.bounds[1]) or self.metric.higher_is_better:
            return paired.margin_of(self.metric, None)
        error = self.metric.compute(reference)
        return None if np.isnan(error) else SHARE * error


def _nothing(task: Task, labels: tuple[str, ...]) -> Scored:
    """One row, to see what a metric makes of rows."""
    if task.kind == "values":
        zero = np.zeros((1, len(labels)))
        return metrics.Scored(labels, zero, zero)
    if task.kind == "tags":  # without probabilities, as the loss is of no row whose every tag is unknown
        tags = np.fromiter([("B-a", "O")], object, 1)
        return metrics.Scored(("B-a", "I-a", "O"), tags, tags)
    return metrics.Scored(("a", "b"), np.array([0]), np.array([0]), np.array([[1.0, 0.0]]))
