"""F1 of spans: borders and type must both be right (micro-averaged over types, as CoNLL scores entities).

Equal to seqeval's `f1_score` on tags in BIO, but for rows without any span in gold and prediction together, where
it is not defined.
"""

from __future__ import annotations

import numpy as np

from ftkit.metrics._spans import SpanMetric, f1


class SpanF1(SpanMetric):
    """Harmonic mean of the shares of predicted and of gold spans that are right."""

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        return f1(means)
