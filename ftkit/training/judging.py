"""Targets and logits become a score: what early stopping, search and the choice of a probe go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ftkit import metrics
from ftkit.statistics.predictions import UNKNOWN

if TYPE_CHECKING:
    from ftkit.recipe import Recipe


def scored(recipe: Recipe, labels: tuple[str, ...], targets: np.ndarray, logits: np.ndarray) -> metrics.Scored:
    """Targets and logits in the form that metrics take."""
    scores = recipe.task.scores(logits)
    if recipe.task.kind == "tags":
        lengths = [len(row) for row in logits]
        gold = [_tags(row[:length], labels) for row, length in zip(targets, lengths, strict=True)]
        said = recipe.task.decode(scores, labels)
        return metrics.Scored(labels, *(np.fromiter(some, object, len(gold)) for some in (gold, said)))
    if targets.ndim == 2:
        return metrics.Scored(labels, targets.astype(np.int64), (scores > 0.5).astype(np.int64), scores)
    return metrics.Scored(labels, targets, scores.argmax(axis=1), scores)


def _tags(row: np.ndarray, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Tags by their places; neighbours that training lacks are one span of a type of its own."""
    known = [labels[place] if place >= 0 else f"I-{UNKNOWN}" for place in row]
    return tuple(known)


def judged(recipe: Recipe, labels: tuple[str, ...], targets: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Primary score (turned so that larger is better) and log-loss of some rows."""
    primary = metrics.load(recipe.evaluate.metrics[0])
    seen = scored(recipe, labels, targets, logits)
    value = primary.compute(seen)
    loss = metrics.load("log_loss").compute(seen) if recipe.task.kind != "tags" else _loss(recipe, targets, logits)
    return (value if primary.higher_is_better else -value), loss


def _loss(recipe: Recipe, targets: np.ndarray, logits: np.ndarray) -> float:
    """Mean over rows of the loss that training has, over the tokens that the base is shown."""
    losses = []
    for row, gold in zip(recipe.task.scores(logits), targets, strict=True):
        gold = gold[: len(row)]
        known = (gold >= 0) & (row.sum(axis=1) > 0)
        if known.any():
            losses.append(-np.log(np.maximum(row[known, gold[known]], np.finfo(np.float32).tiny)).mean())
    return float(np.mean(losses)) if losses else float("nan")
