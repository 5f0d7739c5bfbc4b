"""Parts of a batch whose rows are of similar length, so that little padding is computed."""

from __future__ import annotations

import numpy as np

LEAST = 128  # positions that a cut must save: a pass more costs about as much as 30, and products of few rows are slow
SHARE = 0.1  # of the batch's positions, likewise


def alike(rows: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """The rows of a batch from the shortest on, cut where that saves padding worth more than a pass.

    `lengths` are of all rows of the run. Lengths 3, 3, 4, 200 (and many more of the short ones) become two parts:
    the long row alone, and all others.
    """
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    longest, places = lengths[rows], np.arange(1, len(rows))
    if not len(places):
        return [rows]
    padded = len(rows) * int(longest[-1])
    after = places * longest[places - 1] + (len(rows) - places) * longest[-1]  # positions if cut there
    best = int(after.argmin())
    if padded - int(after[best]) < max(LEAST, SHARE * padded):
        return [rows]
    return [*alike(rows[: best + 1], lengths), *alike(rows[best + 1 :], lengths)]
