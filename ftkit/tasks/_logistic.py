"""Logistic regression on whatever numbers a baseline has: of texts their words, of clips what moves."""

from __future__ import annotations

import numpy as np


def probabilities(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Of one label a row, or of several."""
    from scipy.special import expit, softmax

    return np.asarray(expit(logits) if targets.ndim == 2 else softmax(logits, axis=1))


def linear(
    rows: object, targets: np.ndarray, labels: int, queries: object, balanced: bool, strength: float = 10.0
) -> np.ndarray:
    """Logits (queries, labels); labels without training rows get a logit that never wins."""
    from sklearn.linear_model import LogisticRegression

    def model() -> LogisticRegression:
        return LogisticRegression(C=strength, max_iter=300, class_weight="balanced" if balanced else None)

    count = queries.shape[0]  # type: ignore[attr-defined]
    out = np.full((count, labels), -np.log(len(targets) + 1.0) - 5.0)
    if targets.ndim == 2:
        for i in range(labels):
            if 0 < targets[:, i].sum() < len(targets):
                out[:, i] = model().fit(rows, targets[:, i].astype(int)).decision_function(queries)
            elif targets[:, i].any():
                out[:, i] = np.log(len(targets) + 1.0)
        return out
    present = np.unique(targets)
    if len(present) == 1:
        out[:, present[0]] = 0.0
        return out
    decision = model().fit(rows, targets).decision_function(queries)
    out[:, present] = np.stack([-decision / 2, decision / 2], axis=1) if decision.ndim == 1 else decision
    return out
