"""Chance that a row of a label scores higher on it than a row without it, averaged over labels.

One label against the rest, over the labels for which there are rows of both kinds; with two labels
this is the usual area under the curve. A row whose gold label training lacked is a row without the
label, for every label. Equal to scikit-learn's `roc_auc_score(..., multi_class="ovr")` where that
is defined; nan without scores.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._kinds import InfluenceMetric


class RocAuc(InfluenceMetric):
    """Area under the receiver operating characteristic."""

    needs_scores: ClassVar[bool] = True
    by_label: ClassVar[bool] = True

    def compute(self, scored: Scored) -> float:
        areas = [_area(values, positive) for values, positive in _one_against_rest(scored)]
        return float(np.mean(areas)) if areas else float("nan")

    def contributions(self, scored: Scored) -> np.ndarray:
        """From the placements of DeLong, DeLong and Clarke-Pearson (1988), averaged over labels."""
        each = [_contributions(values, positive) for values, positive in _one_against_rest(scored)]
        return np.mean(each, axis=0) if each else np.full(len(scored), np.nan)


def _one_against_rest(scored: Scored) -> list[tuple[np.ndarray, np.ndarray]]:
    """(scores, is the label gold) of each label with rows of both kinds; for two labels of the second."""
    if scored.scores is None:
        return []
    labels = np.arange(len(scored.labels))
    gold = scored.gold == 1 if scored.multi_label else scored.gold[:, None] == labels
    known = scored.multi_label or bool((scored.gold >= 0).all())
    found = np.flatnonzero(gold.any(0) & ~gold.all(0))
    if known and len(labels) == 2 and not scored.multi_label:
        found = found[found == 1]
    return [(np.asarray(scored.scores[:, label], dtype=np.float64), gold[:, label]) for label in found]


def _area(values: np.ndarray, positive: np.ndarray) -> float:
    yes, no = values[positive], np.sort(values[~positive])
    wins = np.searchsorted(no, yes, "left") + np.searchsorted(no, yes, "right")  # a tie counts as half a win
    return float(wins.mean() / (2 * len(no)))


def _contributions(values: np.ndarray, positive: np.ndarray) -> np.ndarray:
    yes, no = np.sort(values[positive]), np.sort(values[~positive])
    below = (np.searchsorted(no, values, "left") + np.searchsorted(no, values, "right")) / (2 * len(no))
    above = 1 - (np.searchsorted(yes, values, "left") + np.searchsorted(yes, values, "right")) / (2 * len(yes))
    area = below[positive].mean()
    weight = len(values) / np.where(positive, len(yes), len(no))
    return np.asarray(area + weight * (np.where(positive, below, above) - area))
