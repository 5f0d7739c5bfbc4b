"""F1 of spans where a span of the right type that only overlaps the gold one counts half.

The partial matching of MUC-5 (Chinchor and Sundheim 1993) that SemEval-2013 task 9 took up, with the type
required. A gold span is matched by one predicted span at most.
"""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._spans import SpanMetric, f1, overlapping, pairs


class PartialSpanF1(SpanMetric):
    """Never below `span_f1`: the gap between them is what wrong borders cost."""

    def moments(self, scored: Scored) -> np.ndarray:
        """(rows, 3) matches, predicted, gold."""
        counts = [(overlapping(gold, said), len(said), len(gold)) for gold, said in pairs(scored)]
        return np.array(counts, dtype=np.float64).reshape(-1, 3)

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        return f1(means)
