"""Errors of positions by hand, and whether the intervals of their quantiles cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ftkit.metrics import Scored, load
from ftkit.metrics._positions import sparsity
from ftkit.statistics.intervals import interval
from ftkit.statistics.paired import compare

LABELS = ("x (north)", "y (north)", "floor (north)")


def of(off: np.ndarray, floors: np.ndarray | None = None) -> Scored:
    """Rows that are off by so much, to the east, and by so many floors."""
    gold = np.tile([5.0, 7.0, 2.0], (len(off), 1))
    guess = gold.copy()
    guess[:, 0] += off
    guess[:, 2] += 0 if floors is None else floors
    return Scored(LABELS, gold, guess)


def test_by_hand() -> None:
    scored = Scored(("x", "y", "floor"), np.zeros((4, 3)), np.array([[3, 4, 0], [0, 1, 1], [0, 0, 0], [2, 0, -2.0]]))
    values = {name: load(name).compute(scored) for name in ("mean_error", "median_error", "floor_hit_rate", "evaal")}
    assert values == {"mean_error": 2.0, "median_error": 1.5, "floor_hit_rate": 0.5, "evaal": 16 + 0.25 * (32 - 16)}
    assert load("p95_error").compute(scored) == pytest.approx(np.quantile([5, 1, 0, 2], 0.95))


def test_a_floor_costs_fifteen_metres() -> None:
    off = np.linspace(0, 4, 101)
    assert load("evaal").compute(of(off)) == pytest.approx(3.0)
    assert load("evaal").compute(of(off, np.ones(101))) == pytest.approx(18.0)


def test_they_suit_positions_alone() -> None:
    point, number = of(np.ones(5)), Scored(("price", "tax"), np.ones((5, 2)), np.zeros((5, 2)))
    for name in ("mean_error", "median_error", "p95_error", "evaal", "floor_hit_rate"):
        assert load(name).suits(point) and not load(name).suits(number)
    assert math.isnan(load("floor_hit_rate").compute(number))
    assert load("mean_error").compute(number) == pytest.approx(2**0.5)


@pytest.mark.parametrize("name", ["median_error", "evaal", "p95_error"])
def test_contributions_add_up_to_the_quantile(name: str) -> None:
    metric, scored = load(name), of(np.random.default_rng(0).gamma(2, 1, 300))
    assert metric.contributions(scored).mean() == pytest.approx(metric.compute(scored))  # type: ignore[attr-defined]


def test_the_sparsity_is_one_over_the_density() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    assert sparsity(values, 0.5) == pytest.approx((2 * np.pi) ** 0.5, rel=0.1)


@pytest.mark.parametrize(
    ("name", "least"), [("mean_error", 0.92), ("median_error", 0.92), ("evaal", 0.91), ("p95_error", 0.85)]
)
def test_intervals_cover_what_many_rows_have(name: str, least: float) -> None:
    random = np.random.default_rng(1)
    metric, tries = load(name), 400
    true = metric.compute(of(random.gamma(2, 1, 400_000)))
    found = [interval(metric, of(random.gamma(2, 1, 150))) for _ in range(tries)]
    inside = [one.low is not None and one.high is not None and one.low <= true <= one.high for one in found]
    assert least <= np.mean(inside) <= 0.99


def test_a_difference_of_medians_is_found_and_one_of_nothing_is_not() -> None:
    random = np.random.default_rng(2)
    off = random.gamma(2, 1, 400)
    metric = load("median_error")
    assert compare(metric, of(off * 0.7), of(off)).outcome == "better"
    other = of(random.permutation(off))
    assert compare(metric, of(off), other).outcome == "cannot tell"
