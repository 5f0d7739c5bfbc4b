"""What an adapter has to beat, on the same rows: each baseline gives probabilities of test rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ftkit.features import tokens


def majority(targets: np.ndarray, labels: int, count: int, lengths: Sequence[int] | None = None) -> np.ndarray:
    """Label shares of the training rows for every test row, (count, labels).

    With `lengths`, the tokens of each test row, shares of the training tokens for every token.
    """
    if lengths is not None:
        shares = np.bincount(targets[targets >= 0], minlength=labels) / max(1, (targets >= 0).sum())
        return tokens.ragged((np.tile(shares, (length, 1)) for length in lengths), count)
    shares = targets.mean(axis=0) if targets.ndim == 2 else np.bincount(targets, minlength=labels) / len(targets)
    return np.tile(shares.astype(np.float64), (count, 1))
