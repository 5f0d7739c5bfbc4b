"""What more labels would buy: scores at growing shares of the labels, and how far they can be drawn on.

How far off a mean score may be has three sources, and the points share two of them. The test rows are the same for
all points: their spread is the jackknife's, taken of all points at once, so that a row that is hard at every size
tells nothing of the course. Which labels were drawn: a score moves like a mean over its labels, so the variance at n
labels is τ² / n; a repetition's larger share holds its smaller one, and all labels of the run are one draw that every
repetition has in common. Last, the training itself. τ and that are read off the repetitions.

An answer is given only where the largest share came out as the smaller ones foretold, the points lie on a smooth
curve, and the last doubling has brought something for certain. Simulated with 3 repetitions on 160 to 800 labels and
400 to 1,000 test rows, the interval of the gain holds for 93 % or more of curves that follow a power law, and the one
of the score for 90 % or more; of curves that have ended at half of the labels, at most 15 % are promised a gain
(tests/statistics/test_curve_simulated.py).
A curve that ends just where the labels do cannot be known from one that goes on, and a curve that rises slowly
at first, on few labels, gets a promise that is too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ftkit.metrics import Metric
from ftkit.statistics import power_law, wording
from ftkit.statistics.intervals import FEW_UNITS, normal, student
from ftkit.statistics.power_law import Laws, Points

FEWEST_POINTS = 4
NARROWEST = 3.0
"""times the labels of the smallest point that the largest must have"""
MARGIN = 0.01
"""a gain below it is little; the margin of equivalence of every comparison"""
UNLIKELY = 0.05
AHEAD = (2, 4)
SMOOTH = 25
"""points of the drawn curve"""


@dataclass(frozen=True)
class Observed:
    """Scores of one predictor at growing numbers of labels, several repetitions each."""

    labels: np.ndarray
    """(points,) rising; rows that a fit was trained on"""
    values: np.ndarray
    """(points, repetitions), two of them or more"""
    left_out: np.ndarray
    """(points, rows or units) the mean over repetitions without each test row, or unit, in turn"""
    by_unit: bool = False

    @property
    def means(self) -> np.ndarray:
        """(points,)"""
        return np.asarray(self.values.mean(axis=1))

    def covariance(self) -> np.ndarray:
        """(points, points) of the means."""
        repetitions, most = self.values.shape[1], self.labels[-1]
        draw, training = _components(self.labels, self.values)
        larger = np.maximum.outer(self.labels, self.labels)
        drawn = draw * ((1 / larger - 1 / most) / repetitions + 1 / most)
        own = drawn + np.eye(len(self.labels)) * training / repetitions
        # two variances from so few values are themselves uncertain: as much wider as t is than normal
        wider = (student(0.95, max(1, len(self.labels) * (repetitions - 1) // 2)) / normal(0.95)) ** 2
        off = self.left_out - self.left_out.mean(axis=1, keepdims=True)
        number = off.shape[1]
        return np.asarray((number - 1) / number * off @ off.T + wider * own)


def _components(labels: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """τ² of the draw and the variance of training, from the spread of the repetitions at every point.

    A share of a finite set of labels spreads less: by τ² (1/n - 1/N). Least squares weighted by the
    expected spread, which is found by doing it again; neither is negative.
    """
    spread = values.var(axis=1, ddof=1)
    if len(labels) < 2:
        return 0.0, float(spread.sum())
    across = 1 / labels - 1 / labels[-1]
    design = np.stack([across, np.ones(len(labels))], axis=1)
    expected = np.full(len(labels), spread.mean())
    draw = training = 0.0
    for _ in range(10):
        weight = 1 / np.maximum(expected, 1e-12) ** 2
        draw, training = np.linalg.solve(design.T @ (design * weight[:, None]), design.T @ (weight * spread))
        if draw < 0:
            draw, training = 0.0, float(np.average(spread, weights=weight))
        elif training < 0:
            draw, training = float((weight * across) @ spread / ((weight * across) @ across)), 0.0
        expected = np.maximum(draw * across + training, 1e-3 * spread.mean())
    return float(draw), float(training)


@dataclass(frozen=True)
class Forecast:
    """The answer: `outcome` gain | little | cannot tell, and what it rests on."""

    outcome: str
    reason: str = ""
    """why it cannot be told"""
    laws: Laws | None = None
    """None where the points allow no fit"""
    back_test: dict[str, Any] | None = None


def forecast(seen: Observed, metric: Metric) -> Forecast:
    """What twice the labels would bring, or why that cannot be told."""
    if reason := _too_little(seen, metric):
        return Forecast("cannot tell", reason)
    points = Points(seen.labels, errors(seen.means, metric), _nonsingular(seen.covariance()))
    laws = power_law.fit(points)
    gain, low, high = laws.middle(laws.gains(2 * laws.most))
    back_test = _back_test(points, metric)
    reason = _crooked(laws, points) or _unforeseen(back_test, metric)
    if not reason and low > -MARGIN and high < MARGIN:
        return Forecast("little", "", laws, back_test)
    reason = reason or _idle(points, metric) or _uncertain(gain, low, high, metric)
    return Forecast("cannot tell" if reason else "gain", reason, laws, back_test)


def _best(metric: Metric) -> float:
    """The value that no model can better."""
    return metric.bounds[1] if metric.higher_is_better else metric.bounds[0]


def errors(scores: np.ndarray, metric: Metric) -> np.ndarray:
    """Distances from the best value."""
    return np.abs(_best(metric) - scores)


def score(error: float, metric: Metric) -> float:
    """The score at a distance from the best value."""
    return _best(metric) - error if metric.higher_is_better else _best(metric) + error


def _nonsingular(covariance: np.ndarray) -> np.ndarray:
    """Scores that never move would make a law certain; a tenth of a point of error is always there."""
    return np.asarray(covariance + np.eye(len(covariance)) * 1e-6)


def _too_little(seen: Observed, metric: Metric) -> str:
    """Why these points cannot be fitted at all, or nothing."""
    if not np.isfinite(_best(metric)):
        return "the metric has no best value that a curve could approach"
    if len(seen.labels) < FEWEST_POINTS:
        return f"the labels are too few for {FEWEST_POINTS} shares of them"
    if seen.left_out.shape[1] < FEW_UNITS:
        return f"there are fewer than {FEW_UNITS} {'units' if seen.by_unit else 'rows'} to score on"
    if seen.labels[-1] < NARROWEST * seen.labels[0]:
        return f"the largest share has not even {NARROWEST:g} times the labels of the smallest"
    return ""


def _crooked(laws: Laws, points: Points) -> str:
    from scipy.stats import chi2

    chance = float(chi2.sf(laws.misfit, len(points.labels) - 3))
    return "" if chance >= UNLIKELY else f"the points do not lie on a smooth curve ({wording.probability(chance)})"


def _unforeseen(back_test: dict[str, Any] | None, metric: Metric) -> str:
    if back_test is None or back_test["inside"]:
        return ""
    expected = f"{back_test['low']:.3f} to {back_test['high']:.3f}"
    return (
        f"the smaller shares foretold {wording.measure(metric)} {expected} for {back_test['labels']:.0f} labels, "
        f"and it was {back_test['value']:.3f}"
    )


def _idle(points: Points, metric: Metric) -> str:
    """Why the last doubling may have brought nothing, or nothing: the next one may not bring more."""
    before = int(np.abs(np.log(2 * points.labels[:-1] / points.labels[-1])).argmin())
    gain = float(points.error[before] - points.error[-1])
    two = points.covariance[np.ix_([before, -1], [before, -1])]
    error = float(two[0, 0] + two[1, 1] - 2 * two[0, 1]) ** 0.5
    if gain > normal(1 - 2 * UNLIKELY) * error:
        return ""
    half = normal(0.95) * error
    first = f"{points.labels[before]:,.0f} to {points.labels[-1]:,.0f} labels"
    chance = ", which may be chance" if gain + half > 0 else ""
    return f"from {first} it changed by {_span(gain, gain - half, gain + half, metric)}{chance}"


def _uncertain(gain: float, low: float, high: float, metric: Metric) -> str:
    if low > 0 and (high - low) / 2 <= gain:
        return ""
    return f"gains of {_span(gain, low, high, metric)} would agree with the points"


def _span(value: float, low: float, high: float, metric: Metric) -> str:
    """`+1.3 points (−0.2 to +2.8)`; positive is better."""
    ends = [wording.gap(end, metric).removesuffix(" points") for end in (low, high)]
    return f"{wording.gap(value, metric)} ({ends[0]} to {ends[1]})"


def _back_test(points: Points, metric: Metric) -> dict[str, Any] | None:
    """What the smaller shares foretell of the largest, beside what it was; None where they are too few."""
    if len(points.labels) <= FEWEST_POINTS:
        return None
    known, most = points.first(len(points.labels) - 1), float(points.labels[-1])
    laws = power_law.fit(known)
    # a mean that is yet to be seen is off by itself too, as far as it does not err with the points before it
    together = np.linalg.solve(known.covariance, points.covariance[:-1, -1])
    own = max(0.0, float(points.covariance[-1, -1] - points.covariance[:-1, -1] @ together))
    off = own**0.5 * np.random.default_rng(1).standard_normal(len(laws.error))
    expected, low, high = laws.middle(laws.errors(most) + off)
    value = float(points.error[-1])
    ends = sorted(score(end, metric) for end in (low, high))
    found = {"labels": most, "from": float(known.labels[-1]), "expected": score(expected, metric)}
    return found | {
        "low": ends[0], "high": ends[1], "value": score(value, metric), "inside": bool(low <= value <= high)
    }  # fmt: skip


def described(found: Forecast, seen: Observed, metric: Metric) -> dict[str, Any]:
    """The forecast as the report holds it: outcome, reason, the course of the law, what lies ahead, the back-test."""
    plain: dict[str, Any] = {"outcome": found.outcome, "reason": found.reason, "back_test": found.back_test}
    laws = found.laws
    if laws is None:
        return plain | {"trend": [], "ahead": [], "exponent": None, "limit": None}
    course = np.geomspace(seen.labels[0], AHEAD[-1] * laws.most, SMOOTH)
    floor = laws.error - laws.doubling / (1 - 2.0**-laws.exponent)
    return plain | {
        "trend": [_at(laws, float(labels), metric) for labels in sorted({*course, laws.most, 2 * laws.most})],
        "ahead": [
            _at(laws, times * laws.most, metric) | {"gain": _entry(laws, laws.gains(times * laws.most))}
            for times in AHEAD
        ],
        "exponent": _entry(laws, laws.exponent),
        "limit": _scores(laws, np.maximum(floor, 0.0), metric),
    }  # fmt: skip


def points_of(seen: Observed, metric: Metric) -> list[dict[str, Any]]:
    """Each share: labels, mean score with its interval, and the score of every repetition."""
    if not len(seen.labels):
        return []
    half = normal(0.95) * np.sqrt(np.diag(seen.covariance()))
    low, high = (np.clip(seen.means + side * half, *metric.bounds) for side in (-1, 1))
    return [
        {"labels": float(labels), "value": float(mean), "low": float(one), "high": float(other), "values": list(values)}
        for labels, mean, one, other, values in zip(
            seen.labels, seen.means, low, high, seen.values.tolist(), strict=True
        )
    ]


def _at(laws: Laws, labels: float, metric: Metric) -> dict[str, Any]:
    return {"labels": labels} | _scores(laws, laws.errors(labels), metric)


def _scores(laws: Laws, error: np.ndarray, metric: Metric) -> dict[str, float]:
    value, *ends = (score(one, metric) for one in laws.middle(error))
    low, high = np.clip(sorted(ends), *metric.bounds).tolist()
    return {"value": value, "low": low, "high": high}


def _entry(laws: Laws, values: np.ndarray) -> dict[str, float]:
    return dict(zip(("value", "low", "high"), laws.middle(values), strict=True))


def sentence(found: Forecast, metric: Metric) -> str:
    """What twice the labels would buy, in a sentence."""
    if found.laws is None:
        return f"What more labels would bring cannot be told: {found.reason}."
    laws, name = found.laws, wording.measure(metric)
    twice = f"twice the labels to train on ({2 * laws.most:,.0f} instead of {laws.most:,.0f})"
    if found.outcome == "cannot tell":
        return f"What {twice} would bring cannot be told: {found.reason}."
    gain, low, high = laws.middle(laws.gains(2 * laws.most))
    now, then = (_scores(laws, laws.errors(times * laws.most), metric) for times in (1, 2))
    start = f"{twice[:1].upper()}{twice[1:]} would be expected to"
    if found.outcome == "little":
        return f"{start} change {name} little: by {_span(gain, low, high, metric)}, from about {now['value']:.3f}."
    return (
        f"{start} bring {name} from about {now['value']:.3f} to {then['value']:.3f} "
        f"({then['low']:.3f} to {then['high']:.3f}), a gain of {_span(gain, low, high, metric)}."
    )
