"""Mean over labels of the share of the label's rows that are found (balanced accuracy).

Over the labels that occur in gold (see macro_f1).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics._kinds import CountMetric, Counts, divide, mean_over_gold


class Recall(CountMetric):
    """Macro-averaged recall."""

    by_label: ClassVar[bool] = True
    share_of_gold: ClassVar[bool] = True

    def of_counts(self, counts: Counts) -> np.ndarray:
        return mean_over_gold(divide(counts.right, counts.gold), counts)
