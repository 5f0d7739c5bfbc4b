"""Logistic regression on drawn features, cross-fitted on hundreds of small tables at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from drawn_rows import labels_of

from ftkit.metrics import Scored

STEPS = 7  # of Newton's method; with the ridge the last one moves nothing by more than 1e-3
FRESH = 10_000  # rows on which the true accuracy is computed, from known chances


@dataclass(frozen=True)
class World:
    """Features that are independent and normal, and how each moves the log-odds of the second label."""

    weights: np.ndarray

    def rows(self, rng: np.random.Generator, *shape: int) -> tuple[np.ndarray, np.ndarray]:
        """Features (shape, features), and the chance of the second label (shape,)."""
        features = rng.standard_normal((*shape, len(self.weights)))
        return features, 1 / (1 + np.exp(-features @ self.weights))


@dataclass(frozen=True)
class Fitted:
    """What one procedure did with every table."""

    out_of_fold: list[Scored]
    accuracy: np.ndarray
    """(tables,) true accuracy of the model that was trained on all rows of the table"""


def drawn(rng: np.random.Generator, world: World, tables: int, rows: int, folds: int) -> tuple[np.ndarray, ...]:
    """Features (tables, rows, features), gold labels and folds (tables, rows)."""
    features, chance = world.rows(rng, tables, rows)
    gold = (rng.random((tables, rows)) < chance).astype(float)
    return features, gold, np.stack([rng.permutation(rows) % folds for _ in range(tables)])


def cross_fit(
    rng: np.random.Generator, world: World, data: Sequence[np.ndarray], columns: Sequence[int], ridge: float = 1.0
) -> Fitted:
    """Ridge logistic regression that sees some of the features, on every table out of fold and on all rows."""
    features, gold, fold = data
    seen = _with_one(features[:, :, list(columns)])
    logits = np.zeros(gold.shape)
    for number in range(int(fold.max()) + 1):
        model = _fit(seen, gold, (fold != number).astype(float), ridge)
        logits = np.where(fold == number, np.einsum("trf,tf->tr", seen, model), logits)
    whole = _fit(seen, gold, np.ones(gold.shape), ridge)
    fresh, chance = world.rows(rng, FRESH)
    says = _with_one(fresh[:, list(columns)]) @ whole.T > 0
    truth = np.where(says, chance[:, None], 1 - chance[:, None]).mean(0)
    names = labels_of(2)
    pairs = zip(gold.astype(int), (logits > 0).astype(int), strict=True)
    return Fitted([Scored(names, true, guess) for true, guess in pairs], truth)


def _with_one(features: np.ndarray) -> np.ndarray:
    return np.concatenate([features, np.ones((*features.shape[:-1], 1))], -1)


def _fit(features: np.ndarray, gold: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """(tables, features) by Newton's method; the last feature is the constant, which is not shrunk."""
    penalty = np.append(np.full(features.shape[2] - 1, ridge), 1e-3)
    model = np.zeros((len(features), features.shape[2]))
    turned = np.swapaxes(features, 1, 2)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip((features @ model[:, :, None])[:, :, 0], -30, 30)))
        slope = (turned @ (weight * (gold - chance))[:, :, None])[:, :, 0] - penalty * model
        bend = turned @ ((weight * np.maximum(chance * (1 - chance), 1e-6))[:, :, None] * features) + np.diag(penalty)
        model = model + np.clip(np.linalg.solve(bend, slope[:, :, None])[:, :, 0], -3, 3)
    return model
