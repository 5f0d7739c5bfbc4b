"""How well confidences hold on the test rows, as they are and divided by a temperature."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftkit import metrics
from ftkit.metrics import Scored
from ftkit.statistics.paired import compare
from ftkit.statistics.tables import Entry, plain, reliability, scores_of

METRICS = ("ece", "brier", "log_loss")


def measured(before: Scored, after: Scored | None, units: np.ndarray | None = None) -> dict[str, Any]:
    """Scores of confidence and the reliability table of both; `after` is None where there is no temperature.

    `change` is the log-loss that scaling takes away, row by row, with its interval and verdict: positive is better.
    """
    known = {name: metrics.load(name) for name in METRICS}
    return {
        "before": scores_of(before, known, units),
        "after": None if after is None else scores_of(after, known, units),
        "change": None if after is None else _change(before, after, units),
        "reliability": {
            "before": reliability(before, units),
            "after": None if after is None else reliability(after, units),
        },
    }


def _change(before: Scored, after: Scored, units: np.ndarray | None) -> Entry:
    found = compare(metrics.load("log_loss"), after, before, units)
    numbers: Entry = {"value": plain(found.difference), "low": found.low, "high": found.high}
    return numbers | {"outcome": found.outcome, "note": found.note}
