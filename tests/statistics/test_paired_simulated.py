"""Coverage, false alarms and power of paired comparisons, simulated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from drawn_rows import clustered, two

from ftkit.metrics import Scored, load
from ftkit.statistics import mcnemar, permutation
from ftkit.statistics.paired import compare, holm_family

ACCURACY = load("accuracy")


@pytest.mark.slow  # 20 cells of 600 data sets
@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "matthews"])
def test_coverage_of_the_difference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "DRAWS", 10)  # only intervals are looked at
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    rng, metric, covered = np.random.default_rng(10), load(name), []
    for (rows, labels), (accuracy, differing, delta) in itertools.product(
        [(50, 2), (200, 5), (1000, 20)], [(0.8, 0.1, 0.0), (0.8, 0.2, 0.05), (0.9, 0.1, 0.05)]
    ):
        a, b = two(rng, 1_000_000, labels, accuracy, differing, delta)
        truth = metric.compute(a) - metric.compute(b)
        found = [compare(metric, *two(rng, rows, labels, accuracy, differing, delta)) for _ in range(600)]
        inside = [one.low <= truth <= (one.high or 0) for one in found if one.low is not None]
        covered.append(np.mean(inside))
    assert min(covered) >= 0.92 and 0.94 <= np.mean(covered) <= 0.975, covered  # 600 draws: standard error 0.009


@pytest.mark.slow  # 400 families of 10 adapters that do not differ
@pytest.mark.parametrize("name", ["accuracy", "macro_f1"])
def test_families_without_a_difference_are_rarely_called_different(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "DRAWS", 2_000)
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    rng, metric, wrong = np.random.default_rng(11), load(name), 0
    families = 400 if name == "accuracy" else 150
    for _ in range(families):
        found = [compare(metric, *two(rng, 200, 4, 0.8, 0.15), family=10) for _ in range(10)]
        wrong += any(one.outcome in ("better", "worse") for one in holm_family(found))
    assert wrong / families <= 0.05 + 2 * (0.05 * 0.95 / families) ** 0.5


@pytest.mark.slow  # 3 sizes, 1,000 data sets each
def test_the_smallest_effect_is_found_as_often_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(12)
    stated = {rows: mcnemar.smallest_effect(int(0.08 * rows), int(0.07 * rows), rows) for rows in (100, 300, 1000)}
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    for rows, least in stated.items():
        assert least is not None
        found = [compare(ACCURACY, *two(rng, rows, 3, 0.8, 0.15, least)) for _ in range(1000)]
        share = np.mean([one.p_value is not None and one.p_value <= 0.05 and one.difference > 0 for one in found])
        assert share == pytest.approx(0.8, abs=0.05)
        called = np.mean([one.outcome in ("better", "equivalent") for one in found])
        assert called == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow  # 2 x 2 cells of 400 data sets
def test_clustered_rows_without_a_difference_are_rarely_called_different() -> None:
    rng = np.random.default_rng(13)
    for units, correlation in itertools.product((20, 50), (0.1, 0.3)):
        wrong = 0
        for _ in range(400):
            a, unit = clustered(rng, units, 10, 0.8, correlation)
            b, _ = clustered(rng, units, 10, 0.8, correlation)
            b = Scored(a.labels, a.gold, np.where(b.gold == b.prediction, a.gold, 1 - a.gold))
            wrong += compare(ACCURACY, a, b, unit).outcome in ("better", "worse")
        assert wrong / 400 <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5
