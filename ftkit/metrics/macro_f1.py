"""Mean over labels of F1, each label counting the same however rare it is.

The labels are those that occur in gold on the rows at hand, so that the set does not depend on who
predicts, and a slice without some label can still reach 1. Gold labels that training lacked are one
further label, whose F1 is 0. Equal to scikit-learn's `f1_score(..., labels=np.unique(gold),
average="macro", zero_division=0)`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics._kinds import CountMetric, Counts, divide, mean_over_gold


class MacroF1(CountMetric):
    """Harmonic mean of precision and recall, averaged over labels."""

    by_label: ClassVar[bool] = True

    def of_counts(self, counts: Counts) -> np.ndarray:
        return mean_over_gold(divide(2 * counts.right, counts.predicted + counts.gold), counts)
