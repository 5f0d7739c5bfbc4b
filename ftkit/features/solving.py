"""Convex heads, solved: L2-penalised logistic and ridge regression along the principal axes of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ftkit.features import tokens
from ftkit.features.processor import unshared
from ftkit.features.scale import Scale

OF_CLASSES = 10.0  # strength of the classes beside numbers, whose log odds need larger weights: as the ranges above
EXACT, ROUGH = 1e-4, 1e-3  # gradients at which a solution is one, to be kept and to be compared with others


class Solver:
    """L2-penalised logistic (of numbers: ridge) regression on one set of rows, at one strength after the other.

    Where the last columns of numbers are those of one class, each of the two solves its own columns.

    Features are centred and brought to unit variance as a whole before solving, which makes one range
    of strengths fit every base; the result applies to the features as they are. It is solved along the
    principal axes of the rows, each scaled to about unit curvature, so that a few dozen steps suffice,
    and each strength starts from the solution of the last.
    """

    @unshared
    def __init__(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        labels: int,
        balanced: bool = False,
        tolerance: float = EXACT,
        classes: int = 0,
    ) -> None:
        """Targets: (rows,) ints, (rows, labels) of 0 and 1, numbers (rows, targets); of tokens, (rows, tokens) ints."""
        if tokens.is_ragged(features):
            features, targets = tokens.labelled(features, targets)
        self._centre = features.mean(axis=0, keepdims=True)
        self._scale = max(float((features - self._centre).std()), 1e-12)
        ready = ((features - self._centre) / self._scale).astype(np.float64)
        self._ridge: tuple[np.ndarray, np.ndarray] | None = None
        self._whole: _Whole | None = None
        self._parts = list[_Binary]()
        if (chosen := Scale.of(targets, classes)) is not None:
            first = targets.shape[1] - classes
            self._ridge = ready, chosen.standard(targets)[:, :first]
            if not classes:
                return
            targets, labels = targets[:, first:].argmax(axis=1), classes
        self._axes, spread = _principal(ready)
        values = np.hstack([ready @ self._axes, np.ones((len(ready), 1))])
        rows = _Rows(values, np.append(spread, 1.0), tolerance)
        self._whole = None if targets.ndim == 2 else _Whole(rows, targets, labels, balanced)
        self._parts = [_Binary(rows, one, balanced) for one in targets.T] if targets.ndim == 2 else []

    @unshared
    def at(self, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Weight (labels, width) and bias (labels,); a head of numbers gives them in sds from their mean."""
        found = []
        if self._ridge is not None:
            weight = _ridge(*self._ridge, strength) / self._scale
            found.append((weight, -weight @ self._centre[0]))
            strength *= OF_CLASSES
        if self._whole is not None or self._parts:
            each = [one.at(strength) for one in self._parts]
            solved = np.stack(each) if self._whole is None else self._whole.at(strength)
            weight = solved[:, :-1] @ self._axes.T / self._scale
            found.append((weight, solved[:, -1] - weight @ self._centre[0]))
        weights, biases = zip(*found, strict=True)
        return np.concatenate(weights).astype(np.float32), np.concatenate(biases).astype(np.float32)


def solve(
    features: np.ndarray, targets: np.ndarray, labels: int, strength: float, balanced: bool = False, classes: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (labels, width) and bias (labels,) at a single strength."""
    return Solver(features, targets, labels, balanced, classes=classes).at(strength)


def _ridge(ready: np.ndarray, wanted: np.ndarray, strength: float) -> np.ndarray:
    """Weight (targets, width) of ridge regression on centred rows; the smaller of the two Gram matrices is solved."""
    rows, width = ready.shape
    exact, penalty = ready.astype(np.float64), 1 / strength
    if rows < width:
        found = exact.T @ np.linalg.solve(exact @ exact.T + penalty * np.eye(rows), wanted)
    else:
        found = np.linalg.solve(exact.T @ exact + penalty * np.eye(width), exact.T @ wanted)
    return np.asarray(found.T)


@dataclass(frozen=True)
class _Rows:
    """Centred rows along their principal axes, and a column of ones: the last weight of a label is its bias."""

    values: np.ndarray
    """(rows, axes + 1)"""
    spread: np.ndarray
    """(axes + 1,) mean square of each column"""
    tolerance: float

    def pull(self, strength: float) -> np.ndarray:
        """(axes + 1,) penalty on the square of each weight, beside a mean loss; the bias is free."""
        pull = np.full(len(self.spread), 1.0 / (strength * len(self.values)))
        pull[-1] = 0.0
        return pull

    def least(
        self, loss: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, curvature: np.ndarray
    ) -> np.ndarray:
        """Where a convex loss, given with its gradient, is least; `curvature` is about its second derivative."""
        from scipy.optimize import minimize

        step = 1.0 / np.sqrt(curvature)

        def scaled(flat: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = loss(flat.reshape(start.shape) * step)
            return value, (gradient * step).ravel()

        options = {"maxiter": 1000, "maxls": 50, "gtol": self.tolerance, "ftol": 64 * np.finfo(float).eps}
        found = minimize(scaled, (start / step).ravel(), jac=True, method="L-BFGS-B", options=options)
        return np.asarray(found.x.reshape(start.shape) * step)


class _Whole:
    """One label a row, of any number of labels."""

    def __init__(self, rows: _Rows, targets: np.ndarray, labels: int, balanced: bool) -> None:
        self._present, codes = np.unique(targets, return_inverse=True)
        self._start = np.zeros((labels, rows.values.shape[1]))
        # a label without training rows can still be delivered, but never wins against one that has some
        self._start[:, -1] = -np.log(len(targets) + 1.0) - 5.0
        self._start[self._present, -1] = 0.0
        self._solver: _Binary | _Multinomial | None = None
        if len(self._present) > 1:
            self._solver = (_Binary if len(self._present) == 2 else _Multinomial)(rows, codes, balanced)

    def at(self, strength: float) -> np.ndarray:
        """Weights (labels, axes + 1)."""
        weights = self._start.copy()
        if self._solver is not None:
            found = self._solver.at(strength)  # of two labels the odds of the second: split them evenly
            weights[self._present] = np.stack([-found / 2, found / 2]) if found.ndim == 1 else found
        return weights


class _Multinomial:
    """Cross-entropy of three labels or more, each with training rows."""

    def __init__(self, rows: _Rows, codes: np.ndarray, balanced: bool) -> None:
        self._rows, self._share = rows, _shares(codes, balanced)
        self._onehot = np.eye(codes.max() + 1)[codes]
        self._last = np.zeros((self._onehot.shape[1], rows.values.shape[1]))

    def at(self, strength: float) -> np.ndarray:
        """Weights (labels, axes + 1)."""
        pull, values = self._rows.pull(strength), self._rows.values
        even = 1.0 / len(self._last)

        def loss(weight: np.ndarray) -> tuple[float, np.ndarray]:
            logits = values @ weight.T
            logits -= logits.max(axis=1, keepdims=True)
            scores = np.exp(logits)
            total = scores.sum(axis=1, keepdims=True)
            right = (logits * self._onehot).sum(axis=1) - np.log(total[:, 0])
            off = (scores / total - self._onehot) * self._share[:, None]
            return float((pull * weight**2).sum() / 2 - self._share @ right), off.T @ values + pull * weight

        self._last = self._rows.least(loss, self._last, even * (1 - even) * self._rows.spread + pull)
        return self._last


class _Binary:
    """Whether a row carries a label."""

    def __init__(self, rows: _Rows, target: np.ndarray, balanced: bool) -> None:
        self._rows, self._sign = rows, np.where(target > 0, 1.0, -1.0)
        self._share = _shares((target > 0).astype(np.int64), balanced)
        self._last = np.zeros(rows.values.shape[1])

    def at(self, strength: float) -> np.ndarray:
        """Weights (axes + 1,) of the log-odds."""
        sign, pull, values = self._sign, self._rows.pull(strength), self._rows.values
        if abs(sign.sum()) == len(sign):  # nothing to tell apart: the prior, one row assumed of the other kind
            return np.append(np.zeros(len(pull) - 1), sign[0] * np.log(len(sign) + 1.0))

        def loss(weight: np.ndarray) -> tuple[float, np.ndarray]:
            margin = sign * (values @ weight)
            slope = -self._share * sign * np.exp(-np.logaddexp(0.0, margin))
            value = self._share @ np.logaddexp(0.0, -margin) + (pull * weight**2).sum() / 2
            return float(value), slope @ values + pull * weight

        self._last = self._rows.least(loss, self._last, self._rows.spread / 4 + pull)
        return self._last


def _principal(ready: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(width, axes) orthonormal directions in which centred rows differ, and their (axes,) mean square along each."""
    few = len(ready) < ready.shape[1]
    square, vectors = np.linalg.eigh(ready @ ready.T if few else ready.T @ ready)
    kept = square > 1e-10 * max(square[-1], 1e-300)  # no weight is ever put on what does not vary
    square, vectors = square[kept], vectors[:, kept]
    return (ready.T @ vectors / np.sqrt(square) if few else vectors), square / len(ready)


def _shares(codes: np.ndarray, balanced: bool) -> np.ndarray:
    """(rows,) of the mean loss; balanced: each label has as much of it."""
    weight = 1.0 / np.bincount(codes)[codes] if balanced else np.ones(len(codes))
    return np.asarray(weight / weight.sum())
