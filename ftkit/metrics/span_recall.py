"""Share of gold spans that are found with the right borders and type."""

from __future__ import annotations

import numpy as np

from ftkit.metrics._kinds import divide
from ftkit.metrics._spans import SpanMetric


class SpanRecall(SpanMetric):
    """0 where there is no gold span."""

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        return divide(means[..., 0], means[..., 2])
