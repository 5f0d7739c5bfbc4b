"""F1 of all decisions together (single-label: the same number as accuracy).

Multi-label: twice the right labels, over predicted plus gold labels; 0 where nothing is gold or
predicted, as in scikit-learn.
"""

from __future__ import annotations

import numpy as np

from ftkit.metrics._kinds import CountMetric, Counts, divide


class MicroF1(CountMetric):
    """Harmonic mean of precision and recall over all labels pooled."""

    def of_counts(self, counts: Counts) -> np.ndarray:
        return divide(2 * counts.right.sum(-1), counts.predicted.sum(-1) + counts.gold.sum(-1))
