"""Mean over labels of the share of predictions of the label that are right.

Over the labels that occur in gold (see macro_f1); a label that is never predicted counts as 0.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics._kinds import CountMetric, Counts, divide, mean_over_gold


class Precision(CountMetric):
    """Macro-averaged precision."""

    by_label: ClassVar[bool] = True

    def of_counts(self, counts: Counts) -> np.ndarray:
        return mean_over_gold(divide(counts.right, counts.predicted), counts)
