"""Share of predicted spans that are right in borders and type."""

from __future__ import annotations

import numpy as np

from ftkit.metrics._kinds import divide
from ftkit.metrics._spans import SpanMetric


class SpanPrecision(SpanMetric):
    """0 where no span is predicted."""

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        return divide(means[..., 0], means[..., 1])
