"""Do 95 % intervals hold the true score in 95 of 100 drawn data sets? Seeds are fixed, sizes stated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cross_fitted import World, cross_fit, drawn
from drawn_rows import classified, clustered, labels_of, soft, two
from scipy.stats import binom

from ftkit.metrics import Metric, Scored, load
from ftkit.statistics import mcnemar, permutation
from ftkit.statistics.folded import compare_folds, interval_of_folds
from ftkit.statistics.intervals import interval
from ftkit.statistics.paired import compare

ACCURACY = load("accuracy")
Draws = list[tuple[Scored, np.ndarray | None]]


def coverage(metric: Metric, truth: float, draws: Draws) -> float:
    found = [interval(metric, scored, units) for scored, units in draws]
    inside = [one.low <= truth <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(inside) > 0.9 * len(found)
    return float(np.mean(inside))


def test_accuracy_over_all_outcomes() -> None:
    """No draws: every number of right rows weighs with its probability; 81 true values; 50, 200 and 1,000 rows."""
    for rows in (50, 200, 1000):
        right = np.arange(rows + 1)
        gold = np.zeros(rows, int)
        seen = [interval(ACCURACY, Scored(("a", "b"), gold, (np.arange(rows) >= one).astype(int))) for one in right]
        low, high = (np.array([getattr(one, end) for one in seen]) for end in ("low", "high"))
        truths = np.linspace(0.55, 0.95, 81)
        covered = [binom.pmf(right, rows, true)[(low <= true) & (true <= high)].sum() for true in truths]
        assert 0.94 <= np.mean(covered) <= 0.965 and min(covered) >= 0.92, rows


def enough_of_each(
    rng: np.random.Generator, draws: int, rows: int, labels: int, level: float, prior: object, kind: object
) -> Draws:
    """Data sets that hold 10 rows of each label or more."""
    found: Draws = []
    while len(found) < draws:
        scored = kind(rng, rows, labels, level, prior)  # type: ignore[operator]
        if np.bincount(scored.gold, minlength=labels).min() >= 10:
            found.append((scored, None))
    return found


PRIOR = [0.4, 0.25, 0.15, 0.1, 0.1]


@pytest.mark.slow  # 20 cells of 400 data sets; standard error of a cell 0.011, of the mean of four 0.006
@pytest.mark.parametrize(
    ("rows", "labels", "prior"), [(50, 2, None), (50, 3, None), (200, 5, PRIOR), (200, 12, None), (1000, 20, None)]
)
def test_macro_f1_with_ten_rows_a_label(rows: int, labels: int, prior: object) -> None:
    rng, metric, covered = np.random.default_rng(rows + labels), load("macro_f1"), []
    for accuracy in (0.6, 0.8, 0.9, 0.95):
        truth = metric.compute(classified(rng, 200_000, labels, accuracy, prior))
        covered.append(coverage(metric, truth, enough_of_each(rng, 400, rows, labels, accuracy, prior, classified)))
    assert 0.93 <= np.mean(covered) <= 0.97 + 0.006 and min(covered) >= 0.92 - 0.011, covered


@pytest.mark.slow  # 16 cells of 400 data sets
def test_macro_f1_with_fewer_rows_of_a_label_says_that_they_are_too_few() -> None:
    """50 to 1,000 rows, one label of which 5 to 15 rows are expected: an interval if and only if there are 10."""
    rng, seen = np.random.default_rng(1), set()
    for rows, rare in itertools.product((50, 200, 1000), (5, 10, 15)):
        for _ in range(40):
            scored = classified(rng, rows, 3, 0.8, [rare / rows, 0.4, 0.6 - rare / rows])
            found, enough = interval(load("macro_f1"), scored), np.bincount(scored.gold, minlength=3).min() >= 10
            assert (found.low is not None) == enough and enough != found.note.startswith("too few rows")
            seen.add(bool(enough))
    assert seen == {True, False}


@pytest.mark.slow  # 8 cells of 400 data sets, two metrics
@pytest.mark.parametrize("units", [20, 50])
def test_rows_of_users_by_user(units: int) -> None:
    """20 and 50 users of 5 and 20 rows, intra-class correlation 0 to 0.3; standard error of a cell 0.014."""
    rng = np.random.default_rng(units)
    covered: dict[str, list[float]] = {"accuracy": [], "macro_f1": []}
    for correlation, accuracy, size in itertools.product((0.0, 0.1, 0.3), (0.7, 0.9), (5, 20)):
        draws: Draws = [clustered(rng, units, size, accuracy, correlation) for _ in range(400)]
        for name, cells in covered.items():
            cells.append(coverage(load(name), accuracy, draws))  # two labels, wrong alike: macro-F1 is the same
    for name, cells in covered.items():
        assert min(cells) >= 0.91 - 2 * 0.014 and np.mean(cells) >= 0.93, (name, cells)


@pytest.mark.slow  # 4 cells of 400 data sets
def test_rows_of_users_taken_as_independent_would_not_hold() -> None:
    """The guard can fail: without units 20 users of 20 rows at a correlation of 0.3 are covered in half of the sets."""
    rng = np.random.default_rng(0)
    draws: Draws = [(clustered(rng, 20, 20, 0.8, 0.3)[0], None) for _ in range(400)]
    assert coverage(ACCURACY, 0.8, draws) < 0.7


@pytest.mark.slow  # 12 cells of 200 data sets for each metric; standard error of a cell 0.015
@pytest.mark.parametrize("name", ["matthews", "roc_auc", "recall", "log_loss", "brier"])
def test_other_metrics(name: str) -> None:
    metric, rng, covered = load(name), np.random.default_rng(5), []
    for rows, labels, prior in ((50, 2, None), (200, 5, None), (200, 2, [0.9, 0.1]), (1000, 8, None)):
        for lead in (0.5, 1.5, 3.0):
            truth = metric.compute(soft(rng, 100_000, labels, lead, prior))
            covered.append(coverage(metric, truth, enough_of_each(rng, 200, rows, labels, lead, prior, soft)))
    assert min(covered) >= 0.90 - 2 * 0.015 and 0.93 <= np.mean(covered) <= 0.98, covered


@pytest.mark.slow  # 6 cells of 200 data sets; standard error of a cell 0.015
def test_the_calibration_error() -> None:
    """120 and 1,000 rows, calibrated to 15 points overconfident."""
    rng, metric, covered = np.random.default_rng(6), load("ece"), []
    for rows, gap in itertools.product((120, 1000), (0.0, 0.03, 0.15)):
        draws: Draws = []
        for _ in range(200):
            confidence = rng.beta(4, 1.2, rows) * 0.7 + 0.3
            wrong = (rng.random(rows) > confidence - gap).astype(int)
            scores = np.column_stack([confidence, 0 * wrong])
            draws.append((Scored(labels_of(2), np.zeros(rows, int), wrong, scores), None))
        covered.append(coverage(metric, gap if gap else 1e-4, draws))
    assert min(covered) >= 0.89 - 2 * 0.015 and np.mean(covered) >= 0.92, covered


@pytest.mark.slow  # 9 cells of 200 pairs for each metric; standard error of a cell 0.015
@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "matthews"])
def test_the_difference_of_two_on_the_same_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only_intervals(monkeypatch)
    rng, metric, covered = np.random.default_rng(10), load(name), []
    for (rows, labels), (accuracy, differing, delta) in itertools.product(
        [(50, 2), (200, 5), (1000, 20)], [(0.8, 0.1, 0.0), (0.8, 0.2, 0.05), (0.9, 0.1, 0.05)]
    ):
        a, b = two(rng, 300_000, labels, accuracy, differing, delta)
        truth = metric.compute(a) - metric.compute(b)
        found = [compare(metric, *two(rng, rows, labels, accuracy, differing, delta)) for _ in range(200)]
        covered.append(np.mean([one.low <= truth <= (one.high or 0) for one in found if one.low is not None]))
    assert min(covered) >= 0.92 - 2 * 0.015 and 0.94 <= np.mean(covered) <= 0.975, covered


def only_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes long and is not looked at."""
    monkeypatch.setattr(permutation, "DRAWS", 10)
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)


EASY, HARD = World(np.repeat([1.5, 0.0], [3, 3])), World(np.repeat([1.0, 0.0], [3, 17]))


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "tables"), [(50, 800), (200, 500), (1000, 200)])
def test_scores_out_of_fold(rows: int, tables: int) -> None:
    """Five folds, logistic regression on 6 and 20 features; 800, 500 and 200 tables of 50, 200 and 1,000 rows.

    Covered shall be the accuracy of the model trained on all rows; standard error of a cell 0.008 to
    0.015. Rows taken as independent would not do for 50 rows.
    """
    rng, covered, plain = np.random.default_rng(rows), [], []
    for world in (EASY, HARD):
        data = drawn(rng, world, tables, rows, 5)
        fitted = cross_fit(rng, world, data, range(len(world.weights)))
        cases = list(zip(fitted.out_of_fold, data[2], fitted.accuracy, strict=True))
        found = [(interval_of_folds(ACCURACY, one, folds), truth) for one, folds, truth in cases]
        covered.append(np.mean([one.low <= truth <= one.high for one, truth in found]))  # type: ignore[operator]
        naive = [(interval(ACCURACY, one), truth) for one, _, truth in cases]
        plain.append(np.mean([one.low <= truth <= one.high for one, truth in naive]))  # type: ignore[operator]
    assert min(covered) >= 0.92 - 0.015 and 0.94 <= np.mean(covered) <= 0.985, covered
    assert rows > 50 or np.mean(plain) < 0.91, plain


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "tables"), [(50, 600), (200, 400), (1000, 150)])
def test_differences_out_of_fold(rows: int, tables: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two procedures of equal worth: each sees its half of 12 informative features, or 3 shared and 8 of noise.

    600, 400 and 150 tables of 50, 200 and 1,000 rows. The interval holds no difference in 92 % or
    more, and `better` or `worse` is said in at most 5 %; standard error of a cell 0.009 to 0.018.
    """
    only_intervals(monkeypatch)
    rng = np.random.default_rng(rows + 1)
    halves = World(np.full(12, 0.5)), [range(6), range(6, 12)]
    noisy = World(np.repeat([1.0, 0.0], [3, 16])), [range(11), [0, 1, 2, *range(11, 19)]]
    for world, columns in (halves, noisy):
        data = drawn(rng, world, tables, rows, 5)
        first, second = (cross_fit(rng, world, data, some).out_of_fold for some in columns)
        found = [compare_folds(ACCURACY, *three) for three in zip(first, second, data[2], strict=True)]
        inside = np.mean([one.low is not None and one.low <= 0 <= (one.high or 0) for one in found])
        called = np.mean([one.outcome in ("better", "worse") for one in found])
        assert inside >= 0.92 - 0.015 and called <= 0.05 + 2 * (0.05 * 0.95 / tables) ** 0.5, (inside, called)
