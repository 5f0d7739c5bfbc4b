"""The linear probe: a convex head on frozen features. Warm start, baseline and `head` are this code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ftkit.features.pooling import Pooling
from ftkit.features.scale import Scale, are_numbers

STRENGTHS = (0.001, 0.003, 0.01, 0.1, 1.0)  # inverse L2 penalties to choose from, on features of unit variance
RIDGE_STRENGTHS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)  # the same of ridge regression
UNCHOSEN, RIDGE_UNCHOSEN = 0.01, 0.001  # where there is nothing to choose by
Score = Callable[[np.ndarray, np.ndarray], tuple[float, float]]
"""(targets, logits) → (score, larger is better, nan where these rows do not define it; loss)"""


@dataclass(frozen=True)
class Probe:
    """A solved head: logits = features · weightᵀ + bias, for numbers brought back to their own units."""

    pooling: Pooling
    strength: float
    weight: np.ndarray
    """(labels, width) float32"""
    bias: np.ndarray
    """(labels,) float32"""
    scale: Scale | None = None
    """of the numbers that are predicted; None for labels"""

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(rows, width) → (rows, labels), or (rows, targets) numbers in their own units."""
        found = np.asarray(features @ self.weight.T + self.bias)
        return found if self.scale is None else self.scale.own(found)


def solve(
    features: np.ndarray, targets: np.ndarray, labels: int, strength: float, balanced: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (labels, width) and bias (labels,) of L2-penalised logistic regression, or ridge regression.

    Targets: (rows,) ints, (rows, labels) of 0 and 1, or numbers (rows, targets), whose head predicts them in sds
    from their mean. Features are centred and brought to unit
    variance as a whole before solving, which makes one range of strengths fit every base; the result
    applies to the features as they are.
    """
    centre = features.mean(axis=0, keepdims=True)
    scale = max(float((features - centre).std()), 1e-12)
    ready = (features - centre) / scale
    if (chosen := Scale.of(targets)) is not None:
        weight, bias = _ridge(ready, chosen.standard(targets), strength), np.zeros(targets.shape[1])
    elif targets.ndim == 2:
        rows = [_two(ready, targets[:, i], strength, balanced) for i in range(labels)]
        weight, bias = np.stack([row for row, _ in rows]), np.array([b for _, b in rows])
    else:
        weight, bias = _several(ready, targets, labels, strength, balanced)
    weight = weight / scale
    bias = bias - weight @ centre[0]
    return weight.astype(np.float32), bias.astype(np.float32)


def choose(
    pooled: dict[Pooling, np.ndarray],
    targets: np.ndarray,
    labels: int,
    holdouts: Sequence[tuple[np.ndarray, np.ndarray]],
    score: Score,
    balanced: bool = False,
) -> tuple[Pooling, float]:
    """The pooling and strength that score best on the held-out rows; at a tie, with the smaller loss.

    Without held-out rows, the first pooling and a middling penalty. Holdouts that do not define
    the score are left out of its mean; where none does, the loss decides.
    """
    if not holdouts:
        return next(iter(pooled)), RIDGE_UNCHOSEN if are_numbers(targets) else UNCHOSEN
    best: tuple[tuple[float, float], Pooling, float] | None = None
    for pooling, features in pooled.items():
        for strength in RIDGE_STRENGTHS if are_numbers(targets) else STRENGTHS:
            values = []
            for train, held in holdouts:
                solved = fit({pooling: features}, targets, labels, train, (pooling, strength), balanced)
                values.append(score(targets[held], solved.logits(features[held])))
            scores = [one for one, _ in values if not np.isnan(one)]
            loss = float(np.mean([loss for _, loss in values]))
            value = (float(np.mean(scores)) if scores else 0.0, -loss)
            if best is None or value > best[0]:
                best = (value, pooling, strength)
    if best is None:
        raise ValueError("no features to choose from")
    return best[1], best[2]


def fit(
    pooled: dict[Pooling, np.ndarray],
    targets: np.ndarray,
    labels: int,
    train: np.ndarray,
    choice: tuple[Pooling, float],
    balanced: bool = False,
) -> Probe:
    """The probe on the training rows with the chosen pooling and strength."""
    pooling, strength = choice
    weight, bias = solve(pooled[pooling][train], targets[train], labels, strength, balanced)
    return Probe(pooling, strength, weight, bias, Scale.of(targets[train]))


def neighbours(
    features: np.ndarray, targets: np.ndarray, labels: int, queries: np.ndarray, count: int = 5
) -> np.ndarray:
    """Probabilities (queries, labels) by a vote of the nearest training rows, weighted by cosine likeness.

    Of numbers (rows, targets) it is their weighted mean.
    """
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    asked = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-12)
    onehot = targets.astype(np.float64) if targets.ndim == 2 else np.eye(labels)[targets]
    out = np.empty((len(asked), labels))
    for start in range(0, len(asked), 1024):  # bounded memory on large sets
        likeness = asked[start : start + 1024] @ unit.T
        near = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
        close = np.take_along_axis(likeness, near, axis=1).astype(np.float64)
        weight = np.exp(10 * close)  # 10: a likeness of 0.1 more counts e times
        weight /= weight.sum(axis=1, keepdims=True)
        out[start : start + 1024] = np.einsum("qk,qkl->ql", weight, onehot[near])
    return out


def _ridge(ready: np.ndarray, wanted: np.ndarray, strength: float) -> np.ndarray:
    """Weight (targets, width) of ridge regression on centred rows; the smaller of the two Gram matrices is solved."""
    rows, width = ready.shape
    exact, penalty = ready.astype(np.float64), 1 / strength
    if rows < width:
        found = exact.T @ np.linalg.solve(exact @ exact.T + penalty * np.eye(rows), wanted)
    else:
        found = np.linalg.solve(exact.T @ exact + penalty * np.eye(width), exact.T @ wanted)
    return np.asarray(found.T)


def _several(
    ready: np.ndarray, targets: np.ndarray, labels: int, strength: float, balanced: bool
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    present = np.unique(targets)
    weight = np.zeros((labels, ready.shape[1]))
    # a label without training rows can still be delivered, but never wins against one that has some
    bias = np.full(labels, -np.log(len(targets) + 1.0) - 5.0)
    if len(present) == 1:
        bias[present[0]] = 0.0
        return weight, bias
    model = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced" if balanced else None)
    model.fit(ready, targets)
    if len(present) == 2:  # one row of coefficients for the second label: split it evenly
        weight[present] = np.stack([-model.coef_[0] / 2, model.coef_[0] / 2])
        bias[present] = [-model.intercept_[0] / 2, model.intercept_[0] / 2]
    else:
        weight[present], bias[present] = model.coef_, model.intercept_
    return weight, bias


def _two(ready: np.ndarray, target: np.ndarray, strength: float, balanced: bool) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    if target.min() == target.max():  # nothing to tell apart: the prior, one row assumed of the other kind
        odds = np.log(len(target) + 1.0)
        return np.zeros(ready.shape[1]), float(odds if target.max() > 0 else -odds)
    model = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced" if balanced else None)
    model.fit(ready, target.astype(int))
    return model.coef_[0], float(model.intercept_[0])
