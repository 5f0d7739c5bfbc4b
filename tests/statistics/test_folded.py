"""Out-of-fold scores and comparisons: wider than of independent rows, in all that is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_rows import clustered, soft, two
from scipy.stats import norm

from ftkit.metrics import Scored, load
from ftkit.statistics.folded import by_fold, compare_folds, interval_of_folds, stretch
from ftkit.statistics.intervals import interval
from ftkit.statistics.paired import compare

ACCURACY = load("accuracy")


WIDER = stretch(5, 300)


def test_fewer_folds_and_fewer_rows_are_trusted_less() -> None:
    by_folds = [stretch(folds, 200) for folds in (2, 3, 5, 10, 200)]
    assert by_folds == sorted(by_folds, reverse=True) and by_folds[2:] == [1.4**0.5] * 3
    by_rows = [stretch(5, rows) for rows in (20, 50, 200, 1000, 100_000)]
    assert by_rows == sorted(by_rows, reverse=True) and by_rows[0] == by_rows[1] == 1.8**0.5 and by_rows[-1] < 1.01
    assert stretch(0, 100) == stretch(1, 100) == stretch(5, 0) == 1


def test_units_count_as_the_rows() -> None:
    scored, unit = clustered(np.random.default_rng(0), 20, 10, 0.8, 0.1)
    plain, found = interval(ACCURACY, scored, unit), interval_of_folds(ACCURACY, scored, unit % 5, unit)
    assert None not in (plain.low, found.low)
    assert found.value - found.low == pytest.approx(stretch(5, 20) * (plain.value - plain.low))  # type: ignore[operator]


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "log_loss", "roc_auc"])
def test_the_interval_is_wider_about_the_same_value(name: str) -> None:
    metric, scored = load(name), soft(np.random.default_rng(0), 300, 3, 1.5)
    plain, found = interval(metric, scored), interval_of_folds(metric, scored, np.arange(300) % 5)
    assert None not in (plain.low, plain.high, found.low, found.high)
    assert found.value == plain.value
    assert found.value - found.low == pytest.approx(WIDER * (plain.value - plain.low))  # type: ignore[operator]
    assert found.high - found.value == pytest.approx(WIDER * (plain.high - plain.value))  # type: ignore[operator]
    assert interval_of_folds(metric, scored, np.zeros(300, int)) == plain


def test_the_interval_stays_in_the_bounds_and_a_reason_for_none_stays() -> None:
    gold = np.arange(40) % 2
    perfect = interval_of_folds(ACCURACY, Scored(("a", "b"), gold, gold), gold)
    assert perfect.high == 1.0 and perfect.low is not None and perfect.low < 0.9
    few, unit = clustered(np.random.default_rng(0), 9, 20, 0.8, 0.1)
    assert interval_of_folds(ACCURACY, few, unit % 5, unit).note == "fewer than 10 units"


@pytest.mark.parametrize("name", ["accuracy", "macro_f1"])
def test_interval_p_value_and_smallest_effect_are_corrected_alike(name: str) -> None:
    a, b = two(np.random.default_rng(1), 300, 3, 0.7, 0.2, 0.06)
    folds = np.arange(300) % 5
    plain, found = (with_ for with_ in (compare(load(name), a, b), compare_folds(load(name), a, b, folds)))
    assert None not in (plain.low, plain.high, found.low, found.high)
    assert found.high - found.low == pytest.approx(WIDER * (plain.high - plain.low))  # type: ignore[operator]
    assert found.smallest_effect == pytest.approx(WIDER * (plain.smallest_effect or 0))
    assert norm.isf((found.p_value or 0) / 2) == pytest.approx(norm.isf((plain.p_value or 0) / 2) / WIDER)
    assert found.corrected == found.p_value and "share" in found.test


def test_what_is_better_by_a_hair_on_independent_rows_is_not_out_of_fold() -> None:
    gold = np.zeros(200, int)
    a, b = (Scored(("a", "b"), gold, (np.arange(200) < wrong).astype(int)) for wrong in (20, 26))
    assert compare(ACCURACY, a, b).outcome == "better"
    found = compare_folds(ACCURACY, a, b, np.arange(200) % 5)
    assert found.outcome == "not worse" and (found.fixed, found.broken) == (6, 0)


def test_equal_answers_stay_equivalent_and_few_units_without_verdict() -> None:
    a, unit = clustered(np.random.default_rng(0), 9, 20, 0.8, 0.2)
    same = compare_folds(ACCURACY, a, a, unit % 5)
    assert (same.outcome, same.p_value) == ("equivalent", 1.0)
    other = Scored(a.labels, a.gold, 1 - a.prediction)
    few = compare_folds(ACCURACY, a, other, unit % 5, unit)
    assert (few.outcome, few.p_value, few.note) == ("cannot tell", None, "fewer than 10 units")


def test_each_fold_by_itself() -> None:
    a, b = two(np.random.default_rng(2), 103, 3, 0.7, 0.2, 0.1)
    folds = np.random.default_rng(0).integers(0, 4, 103) + 2
    found = by_fold(ACCURACY, a, b, folds)
    assert [one.fold for one in found] == [2, 3, 4, 5] and sum(one.rows for one in found) == 103
    mean = sum(one.rows * one.difference for one in found) / 103
    assert mean == pytest.approx(compare(ACCURACY, a, b).difference)
    sharp = soft(np.random.default_rng(3), 60, 3, 3.0)
    flat = Scored(sharp.labels, sharp.gold, sharp.prediction, np.full((60, 3), 1 / 3))
    assert all(one.difference > 0 for one in by_fold(load("log_loss"), sharp, flat, np.arange(60) % 3))
