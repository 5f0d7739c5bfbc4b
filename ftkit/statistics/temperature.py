"""Temperature scaling: one number that divides all logits, so that confidences are right as often as they say.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017. It moves no prediction, only how sure it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEW_ROWS = 30
"""rows below which no temperature is fitted"""
LARGEST = 20.0
"""temperature; the smallest is 1 / 20"""


@dataclass(frozen=True)
class Temperature:
    """What logits are to be divided by, fitted on so many different rows, or why there is none."""

    value: float | None
    rows: int
    why_not: str = ""


def fitted(rows: np.ndarray, logits: np.ndarray, targets: np.ndarray) -> Temperature:
    """The temperature of `logits` (n, labels) for `targets` (n,) or (n, labels) of rows that no training saw.

    `rows` (n,) says which row each entry is of: one that several models were asked about counts once in all. Entries
    whose label training lacked (-1) say nothing of a temperature and are left out.
    """
    known = targets >= 0 if targets.ndim == 1 else np.ones(len(targets), dtype=bool)
    count = len(np.unique(rows[known]))
    if count < FEW_ROWS:
        return Temperature(None, count, f"only {count} validation rows, and a temperature takes {FEW_ROWS}")
    return Temperature(fit(logits[known], targets[known], shares(rows[known])), count)


def shares(rows: np.ndarray) -> np.ndarray:
    """(n,) weight of each entry: 1 for a row that stands there once, half for one that stands there twice."""
    _, place, count = np.unique(rows, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[place])


def fit(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """The temperature that makes the (weighted) log-loss smallest, between 1/20 and 20.

    The loss is convex in 1/T, so a bounded search finds it. It is fitted as if one more row had been seen, with a
    label drawn at random: where every row is right, the plain fit runs to T = 0, to a model that is never unsure.
    """
    from scipy.optimize import minimize_scalar  # most of a second that nothing before the first model waits for
    from scipy.special import log_softmax

    exact = logits.astype(np.float64)
    share = 1.0 / (weights.sum() + 1.0)  # of every target, spread over all labels
    if targets.ndim == 2:  # each label is a two-label problem with the logits (z, 0)
        exact = np.stack([exact, np.zeros_like(exact)], axis=-1)
        wanted = np.stack([targets, 1.0 - targets], axis=-1)
    else:
        wanted = np.eye(exact.shape[1])[targets]
    wanted = (1 - share) * wanted + share / exact.shape[-1]
    weight = weights.reshape(-1, *[1] * (exact.ndim - 1))

    def loss(log_temperature: float) -> float:
        return -float((weight * wanted * log_softmax(exact / np.exp(log_temperature), axis=-1)).sum())

    reach = float(np.log(LARGEST))
    return float(np.exp(minimize_scalar(loss, bounds=(-reach, reach), method="bounded", options={"xatol": 1e-6}).x))
