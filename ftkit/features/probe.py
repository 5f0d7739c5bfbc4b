"""The linear probe: a convex head on frozen features. Warm start, baseline and `head` are this code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ftkit.features import solving, tokens
from ftkit.features.pooling import Pooling
from ftkit.features.scale import Scale, are_numbers

STRENGTHS = (0.001, 0.003, 0.01, 0.1, 1.0)  # inverse L2 penalties to choose from, on features of unit variance
RIDGE_STRENGTHS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)  # the same of ridge regression
SOFT = 0.3  # logits that training starts from, as a share of the solved ones
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
    classes: int = 0
    """of the numbers, how many of the last columns are those of one class"""

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(rows, width) → (rows, labels), or (rows, targets) numbers in their own units; of tokens, objects."""
        found = applied(features, self.weight, self.bias)
        return found if self.scale is None else self.scale.own(found)

    def softened(self) -> Probe:
        """The same decisions with less certain logits: what training starts from.

        A solved head is all but certain of its own training rows, so that their loss has next to no gradient
        left for the layers below. Numbers are no surer than they should be, and stay as they are.
        """
        weight, bias = self.weight.copy(), self.bias.copy()
        first = 0 if self.scale is None else len(bias) - self.classes
        weight[first:] *= np.float32(SOFT)
        bias[first:] *= np.float32(SOFT)
        return replace(self, weight=weight, bias=bias)


def applied(features: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Logits of a head. Those of tokens that the base was not shown are minus infinity."""
    if not tokens.is_ragged(features):
        return np.asarray(features @ weight.T + bias)
    found, lengths = tokens.flat(features)
    logits = found @ weight.T + bias
    logits[np.isnan(found[:, 0])] = -np.inf
    return tokens.split(logits, lengths)


def choose(
    pooled: dict[Pooling, np.ndarray],
    targets: np.ndarray,
    labels: int,
    holdouts: Sequence[tuple[np.ndarray, np.ndarray]],
    score: Score,
    balanced: bool = False,
    classes: int = 0,
) -> tuple[Pooling, float]:
    """The pooling and strength that score best on the held-out rows; at a tie, with the smaller loss.

    Without held-out rows, the first pooling and a middling penalty. Holdouts that do not define
    the score are left out of its mean; where none does, the loss decides.
    """
    if not holdouts:
        return next(iter(pooled)), RIDGE_UNCHOSEN if are_numbers(targets) else UNCHOSEN
    best: tuple[tuple[float, float], Pooling, float] | None = None
    for pooling, features in pooled.items():
        solvers = [
            solving.Solver(features[train], targets[train], labels, balanced, solving.ROUGH, classes)
            for train, _ in holdouts
        ]
        highest, least = -np.inf, np.inf
        for strength in RIDGE_STRENGTHS if are_numbers(targets) else STRENGTHS:
            values = []
            for solver, (train, held) in zip(solvers, holdouts, strict=True):
                weight, bias = solver.at(strength)
                solved = Probe(pooling, strength, weight, bias, Scale.of(targets[train], classes))
                values.append(score(targets[held], solved.logits(features[held])))
            scores = [one for one, _ in values if not np.isnan(one)]
            mean, loss = float(np.mean(scores)) if scores else 0.0, float(np.mean([loss for _, loss in values]))
            if best is None or (mean, -loss) > best[0]:
                best = ((mean, -loss), pooling, strength)
            if mean <= highest and loss > least:  # a still weaker penalty learns the training rows by heart
                break
            highest, least = max(highest, mean), min(least, loss)
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
    classes: int = 0,
) -> Probe:
    """The probe on the training rows with the chosen pooling and strength."""
    pooling, strength = choice
    weight, bias = solving.solve(pooled[pooling][train], targets[train], labels, strength, balanced, classes)
    return Probe(pooling, strength, weight, bias, Scale.of(targets[train], classes), classes)
