"""Thresholds keep what they promise, curves end where accuracy is, and equal confidences stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from ftkit.metrics import Scored
from ftkit.statistics import selective


def scored(right: np.ndarray) -> Scored:
    return Scored(("a", "b"), np.zeros(len(right), int), (right < 1).astype(int))


def by_hand(confidence: np.ndarray, right: np.ndarray, wanted: float) -> float | None:
    """Every confidence tried, with the interval of statsmodels."""
    good = []
    for value in np.unique(confidence):
        kept = right[confidence >= value]
        if proportion_confint(kept.sum(), len(kept), alpha=0.1, method="wilson")[0] >= wanted:
            good.append(float(value))
    return min(good, default=None)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 120), st.sampled_from([1, 2]), st.sampled_from([0.5, 0.8, 0.9]))
def test_a_threshold_is_the_lowest_that_every_other_way_finds(seed: int, rows: int, digits: int, wanted: float) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.random(rows).round(digits)  # with ties
    right = (rng.random(rows) < 0.5 + confidence / 2).astype(float)
    found = selective.threshold(confidence, right, wanted, np.ones(rows))
    assert found == by_hand(confidence, right, wanted)
    doubled = [np.tile(values, 2) for values in (confidence, right)]
    assert selective.threshold(*doubled, wanted, np.full(2 * rows, 0.5)) == found


def test_a_chosen_threshold_seldom_falls_short() -> None:
    """On fresh rows, over 400 draws of 300 rows; the share of right answers itself would mislead in half of them."""
    rng = np.random.default_rng(0)
    population = np.sort(rng.beta(2, 1, 200_000) / 2 + 0.5)[::-1]
    true = np.cumsum(population) / np.arange(1, len(population) + 1)  # a confidence is right as often as it says
    short = found = 0
    for _ in range(400):
        confidence = rng.beta(2, 1, 300) / 2 + 0.5
        right = (rng.random(300) < confidence).astype(float)
        value = selective.threshold(confidence, right, 0.9, np.ones(300))
        if value is not None:
            found += 1
            short += true[np.searchsorted(-population, -value, "right") - 1] < 0.9
    assert found > 300
    assert short / 400 <= 0.07 + 3 * np.sqrt(0.07 * 0.93 / 400)


def test_a_curve_begins_with_the_surest_and_ends_with_all() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(500)
    right = (rng.random(500) < confidence).astype(float)
    points = selective.curve(confidence, scored(right))
    assert len(points) == selective.POINTS
    assert points[0]["coverage"] == selective.FEW_ROWS / 500
    assert points[-1]["coverage"] == 1 and points[-1]["accuracy"] == pytest.approx(right.mean())
    assert points[-1]["confidence"] == confidence.min()
    coverage = [point["coverage"] for point in points]
    assert coverage == sorted(coverage)
    assert points[0]["accuracy"] > points[-1]["accuracy"]
    assert all(point["low"] <= point["accuracy"] <= point["high"] for point in points)


def test_equal_confidences_are_one_point() -> None:
    points = selective.curve(np.ones(40), scored(np.arange(40) % 2))
    assert [point["coverage"] for point in points] == [1.0]
    assert [point["accuracy"] for point in points] == [0.5]
    assert len(selective.curve(np.ones(1), scored(np.ones(1)))) == 1


def test_units_widen_the_band_or_take_it_away() -> None:
    rng = np.random.default_rng(2)
    confidence, units = rng.random(200), np.repeat(np.arange(5), 40)
    right = (rng.random(200) < 0.8).astype(float)
    assert all(point["low"] is None for point in selective.curve(confidence, scored(right), units))


def test_what_is_answered() -> None:
    right = np.array([1.0] * 30 + [0.0] * 10)
    found = selective.answered(scored(right), np.arange(40) < 32)
    assert (found["coverage"], found["rows"]) == (0.8, 32)
    assert found["accuracy"]["value"] == pytest.approx(30 / 32)
    low, high = proportion_confint(30, 32, method="wilson")
    assert (found["accuracy"]["low"], found["accuracy"]["high"]) == pytest.approx((low, high))
    assert selective.answered(scored(right), np.zeros(40, bool)) == {"coverage": 0.0, "rows": 0, "accuracy": None}
