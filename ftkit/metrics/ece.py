"""Expected calibration error: how far confidence and accuracy lie apart, 0 is best.

Of the highest score of each row (top-label), in bins of equal mass: 15 at most, and at least 30
rows each, so that few rows get few bins. Rows of equal confidence share a bin. nan without scores,
and for multi-label, where no label is the top one.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored

BINS = 15
ROWS_A_BIN = 30


class Ece(Metric):
    """Mean over rows of the gap between the confidence and the accuracy of the row's bin."""

    higher_is_better: ClassVar[bool] = False
    needs_scores: ClassVar[bool] = True

    def compute(self, scored: Scored) -> float:
        if scored.scores is None or scored.multi_label or not len(scored):
            return float("nan")
        confidence, right = top_label(scored)
        bins = equal_mass_bins(confidence)
        return float(np.abs(np.bincount(bins, right - confidence)).sum() / len(scored))


def top_label(scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of each row, and whether its prediction is right (1.0 or 0.0)."""
    scores = np.asarray(scored.scores, dtype=np.float64)
    return scores.max(1), (scored.gold == scored.prediction).astype(np.float64)


def narrow(scored: Scored) -> Scored:
    """One column of scores that has the same calibration error: what is drawn thousands of times is small."""
    confidence, right = top_label(scored)
    return Scored(("right",), np.zeros(len(scored), dtype=np.int64), (right < 1).astype(np.int64), confidence[:, None])


def equal_mass_bins(confidence: np.ndarray) -> np.ndarray:
    """The bin of each row, from 0 for the least confident, without empty bins between."""
    rows = len(confidence)
    wanted = int(np.clip(rows // ROWS_A_BIN, 1, BINS))
    edges = np.sort(confidence)[np.arange(1, wanted) * rows // wanted]
    bins = np.searchsorted(np.unique(edges), confidence, "right")
    return np.asarray(np.unique(bins, return_inverse=True)[1])
