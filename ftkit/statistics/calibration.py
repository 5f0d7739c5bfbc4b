"""How far confidence and accuracy lie apart, bin by bin, and how sure one can be of that."""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics.ece import equal_mass_bins, top_label

FEW_ROWS = 100  # fewer than 3 bins below that
DRAWS = 600


def ece_interval(
    scored: Scored, groups: np.ndarray | None, level: float, seen: float
) -> tuple[float | None, float | None, str]:
    """Interval of the expected calibration error in infinitely many rows, with as many bins.

    The error `seen` is too large, because noise never cancels in a sum of absolute gaps; a
    bootstrap makes that worse. So: the gaps that were seen, smoothed over neighbouring bins, are
    scaled by a factor, noise is added, and the interval holds the factors at which what was seen is
    no rare outcome. It covers 89 to 98 % in simulations (100 to 3,000 rows, from calibrated
    to 15 points overconfident, also with nearly all confidences near 1).
    """
    if groups is not None:
        return None, None, "no interval of this score by unit"
    if len(scored) < FEW_ROWS:
        return None, None, "too few rows for an interval"
    weight, gap, error = _gaps(*top_label(scored))
    padded = np.pad(gap, 1, mode="edge")
    shape = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    if seen == 0 or not weight @ np.abs(shape) > 0:
        return None, None, "too few rows for an interval"
    shape = shape * seen / float(weight @ np.abs(shape))
    reach = 8 * float(np.sqrt(np.sum((weight * error) ** 2)))  # standard errors of the sum if no gap is near 0
    wanted = np.append(0.0, np.linspace(max(0.0, seen - reach), seen + reach, 200))
    noise = np.random.default_rng(0).standard_normal((DRAWS, len(gap))) * error
    drawn = np.abs(wanted[:, None, None] * shape / seen + noise) @ weight
    tail = (1 - level) / 2
    low = float(wanted[np.argmax((drawn >= seen).mean(1) >= tail)])
    possible = np.flatnonzero((drawn <= seen).mean(1) >= tail)
    # less than noise makes of no error at all: the noise is overrated, which only the upper end may show
    high = float(wanted[possible[-1]]) if len(possible) else seen + reach / 4
    return low, min(1.0, max(seen, high)), ""


def _gaps(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(share of rows, mean of right minus confidence, standard error) of each bin."""
    bins = equal_mass_bins(confidence)
    rows = np.bincount(bins)
    gap = np.bincount(bins, right - confidence) / rows
    spread = np.bincount(bins, (right - confidence - gap[bins]) ** 2) / rows
    accuracy = (np.bincount(bins, right) + 0.5) / (rows + 1)  # half a wrong row, so that no bin is certain
    return rows / len(bins), gap, np.sqrt(np.maximum(spread, accuracy * (1 - accuracy)) / rows)
