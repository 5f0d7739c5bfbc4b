"""Nearest neighbours on raw signals: the simplest model of a field, and often a strong one."""

from __future__ import annotations

import numpy as np

COUNT = 5


def neighbours(
    known: np.ndarray, targets: np.ndarray, labels: int, asked: np.ndarray, balanced: bool = False
) -> np.ndarray:
    """Probabilities (asked, labels) by a vote of the nearest of `known`, nearer ones counting more.

    Both are (rows, numbers); each number is brought to mean 0 and variance 1 over `known` first. Targets are
    (known,) ints or (known, labels) of 0 and 1. `balanced`: a neighbour weighs by its label's rarity.
    """
    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread < 1e-6] = 1.0
    rows, queries = ((some - centre) / spread for some in (known, asked))
    onehot = targets.astype(np.float64) if targets.ndim == 2 else np.eye(labels)[targets]
    weigh = 1 / np.maximum(onehot.sum(axis=0), 1) if balanced and targets.ndim == 1 else np.ones(labels)
    out = np.empty((len(queries), labels))
    squares = (rows**2).sum(axis=1)
    for start in range(0, len(queries), 1024):  # bounded memory on large sets
        some = queries[start : start + 1024]
        apart = np.maximum(squares - 2 * some @ rows.T + (some**2).sum(axis=1, keepdims=True), 0)
        near = np.argsort(apart, axis=1, kind="stable")[:, :COUNT]
        distance = np.sqrt(np.take_along_axis(apart, near, axis=1)).astype(np.float64)
        weight = 1 / np.maximum(distance, 1e-3)
        shares = np.einsum("qk,qkl->ql", weight / weight.sum(axis=1, keepdims=True), onehot[near])
        shares = shares * weigh
        out[start : start + 1024] = shares if targets.ndim == 2 else shares / shares.sum(axis=1, keepdims=True)
    return out
