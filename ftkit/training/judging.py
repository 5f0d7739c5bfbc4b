"""Targets and logits become a score: what early stopping, search and the choice of a probe go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ftkit import metrics

if TYPE_CHECKING:
    from ftkit.recipe import Recipe


def scored(recipe: Recipe, labels: tuple[str, ...], targets: np.ndarray, logits: np.ndarray) -> metrics.Scored:
    """Targets and logits in the form that metrics take."""
    return recipe.task.scored(targets, recipe.task.scores(logits), labels)


def judged(recipe: Recipe, labels: tuple[str, ...], targets: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Primary score (turned so that larger is better) and loss of some rows, the metric that the task names."""
    primary = metrics.load(recipe.evaluate.metrics[0])
    seen = scored(recipe, labels, targets, logits)
    value = primary.compute(seen)
    loss = metrics.load(recipe.task.loss_metric).compute(seen)
    return (value if primary.higher_is_better else -value), loss
