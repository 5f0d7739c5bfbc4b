"""What moves in a clip, as a few numbers, and a solved head on them: how far one gets without seeing what it is."""

from __future__ import annotations

import numpy as np

from ftkit.tasks._logistic import linear, probabilities

SIDE, CELLS = 32, 4  # pixels a side of the pictures that are compared; parts a side in which motion is added up
SHARES = (0.5, 0.9, 0.99)


def numbers(clip: np.ndarray) -> np.ndarray:
    """(frames, height, width, 3) uint8 → (23,) float32: how much grey changes from one picture to the next.

    Mean, spread and largest step, quantiles over all of the picture, lightness that changes as a whole, and where it
    moves: the mean of each of 4 x 4 parts.
    """
    grey = np.stack([_small(picture) for picture in clip]).astype(np.float32)
    if len(grey) < 2:
        return np.zeros(4 + len(SHARES) + CELLS**2, np.float32)
    steps = np.diff(grey, axis=0)
    moved = np.abs(steps)
    each = moved.mean(axis=(1, 2))
    where = moved.mean(axis=0).reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean(axis=(1, 3))
    whole = [each.mean(), each.std(), each.max(), np.abs(steps.mean(axis=(1, 2))).mean()]
    return np.concatenate([whole, np.quantile(moved, SHARES), where.ravel()]).astype(np.float32)


def solved(
    known: np.ndarray, targets: np.ndarray, labels: int, asked: np.ndarray, balanced: bool = False
) -> np.ndarray:
    """Probabilities (asked, labels) by logistic regression on the logarithms of such numbers."""
    rows, queries = np.log1p(known), np.log1p(asked)
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread < 1e-6] = 1.0
    logits = linear((rows - centre) / spread, targets, labels, (queries - centre) / spread, balanced, strength=0.3)
    return probabilities(logits, targets)


def _small(picture: np.ndarray) -> np.ndarray:
    """(height, width, 3) → (SIDE, SIDE) of grey."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
