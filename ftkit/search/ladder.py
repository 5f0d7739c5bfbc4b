"""When is the next, costlier method worth it? The rule by which `method: auto` climbs from rung to rung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.statistics.jackknife import codes, leave_out, standard_error

LEAST = 0.005  # half a point: a smaller gain is not worth a costlier method, however sure it is
ERRORS = 0.5  # standard errors that a gain must also exceed; a whole one would refuse most real gains of few rows


@dataclass(frozen=True)
class Climb:
    """A rung against the one below it, on the same held-out rows."""

    gain: float
    """in the primary metric; positive: the upper rung is better"""
    standard_error: float
    """of the gain, paired over rows; nan where these rows do not give one"""
    needed: float
    """what the gain has to exceed"""
    rows: int

    @property
    def climbed(self) -> bool:
        """Whether the upper rung is taken; a gain that is not defined is none."""
        return self.gain > self.needed


def weigh(metric: Metric, upper: Scored, lower: Scored, units: np.ndarray | None = None) -> Climb:
    """Whether `upper` beats `lower` by more than max(half a point, half a standard error).

    `units` (rows,) name what hangs together; the error is then over units. A metric that is not
    between 0 and 1 has no points, and only the standard error counts.
    """
    sign = 1.0 if metric.higher_is_better else -1.0
    gain = sign * (metric.compute(upper) - metric.compute(lower))
    groups = None if units is None else codes(units)
    apart = leave_out(metric, upper, groups) - leave_out(metric, lower, groups)
    error = standard_error(apart, extremes=False) if np.isfinite(apart).all() and len(apart) > 1 else float("nan")
    least = LEAST if metric.bounds == (0.0, 1.0) else 0.0
    return Climb(gain, error, float(np.nanmax([least, ERRORS * error])), len(upper))
