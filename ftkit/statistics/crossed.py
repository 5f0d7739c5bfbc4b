"""Two recipes on the same rows: seeds crossed with rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.statistics.paired import Comparison, compare


def compare_recipes(
    metric: Metric,
    a: Sequence[Scored],
    b: Sequence[Scored],
    units: np.ndarray | None = None,
    margin: float | None = None,
    family: int = 1,
) -> Comparison:
    """The first seed of each, until this is written."""
    return compare(metric, a[0], b[0], units, margin, family)
