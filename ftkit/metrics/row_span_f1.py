"""Mean over rows of the F1 of each row's own spans; 1 for a row without spans in which none is found.

Every row counts alike, however many spans it has, so that a difference can be told row by row: single groups of a bank
are judged by it. The share of right tokens would not do for that. Most tokens are outside of all spans, it is high for
any model, and a gain in spans is lost in it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._spans import TAGS, exact, f1


class RowSpanF1(Metric):
    """Spans as `span_f1` counts them: borders and type must both be right."""

    kinds: ClassVar[frozenset[str]] = TAGS
    on_request: ClassVar[bool] = True

    def compute(self, scored: Scored) -> float:
        return float(self.rows(scored).mean()) if len(scored) else float("nan")

    def rows(self, scored: Scored) -> np.ndarray:
        found = f1(exact(scored))
        return np.where(np.isnan(found), 1.0, found)
