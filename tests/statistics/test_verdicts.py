"""How often verdicts are wrong where nothing differs, and right where something does. Seeds fixed, sizes stated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from drawn_rows import clustered, labels_of, trained, two
from scipy.stats import norm

from ftkit.metrics import Metric, Scored, load
from ftkit.statistics import mcnemar, permutation
from ftkit.statistics.crossed import compare_recipes
from ftkit.statistics.paired import compare, holm_family

ACCURACY = load("accuracy")
DIFFERENT = ("better", "worse")


def allowed(number: int, rate: float = 0.05) -> float:
    """The rate and twice the standard error of so many draws."""
    return float(rate + 2 * (rate * (1 - rate) / number) ** 0.5)


def family(rng: np.random.Generator, rows: int, adapters: int) -> list[Scored]:
    """Adapters of one base that are equally good: how easy a row is they share, a little taste is their own."""
    gold = rng.integers(0, 3, rows)
    lead = rng.normal(1.2, 1.0, rows) + rng.normal(0, 0.5, (adapters, rows))
    found = []
    for one in lead:
        logits = rng.normal(0, 0.1, (rows, 3))
        logits[np.arange(rows), gold] += one
        scores = np.exp(logits)
        scores /= scores.sum(1, keepdims=True)
        found.append(Scored(labels_of(3), gold, scores.argmax(1), scores))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "families"), [("accuracy", 600), ("macro_f1", 150), ("log_loss", 150)])
def test_families_of_ten_equal_adapters(name: str, families: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 adapters against an eleventh on the same 300 rows, Holm over 10; 600 families by accuracy, 150 by others."""
    monkeypatch.setattr(permutation, "DRAWS", 2_000)
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    rng, metric, wrong = np.random.default_rng(11), load(name), 0
    for _ in range(families):
        first, *others = family(rng, 300, 11)
        found = holm_family([compare(metric, one, first, family=10) for one in others])
        wrong += any(one.outcome in DIFFERENT for one in found)
    assert wrong / families <= allowed(families)


@pytest.mark.slow
def test_without_a_correction_the_families_would_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard can fail: 200 families, each adapter judged alone."""
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    rng, wrong = np.random.default_rng(11), 0
    for _ in range(200):
        first, *others = family(rng, 300, 11)
        wrong += any(compare(ACCURACY, one, first).outcome in DIFFERENT for one in others)
    assert wrong / 200 > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("members", [1, 10])
def test_the_smallest_effect_of_accuracy_is_found_four_times_in_five(
    members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100, 300 and 1,000 rows, 800 pairs each, alone and at the strictest level of a family of 10."""
    rng = np.random.default_rng(12)
    sizes = {rows: (int(0.08 * rows), int(0.07 * rows)) for rows in (100, 300, 1000)}
    stated = {rows: mcnemar.smallest_effect(*counts, rows, 0.05 / members) for rows, counts in sizes.items()}
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    for rows, least in stated.items():
        assert least is not None
        found = [
            compare(ACCURACY, *two(rng, rows, 3, 0.8, max(0.15, least), least), family=members) for _ in range(800)
        ]
        significant = np.mean([(one.corrected or 0) <= 0.05 and one.difference > 0 for one in found])
        assert significant == pytest.approx(0.8, abs=0.05)
        called = np.mean([one.outcome in ("better", "equivalent") for one in found])
        assert called == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["macro_f1", "brier"])
def test_the_smallest_effect_of_other_metrics_is_found_four_times_in_five(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 rows: what 40 pairs without a difference state in the middle is given to 500 pairs."""
    monkeypatch.setattr(permutation, "DRAWS", 1_000)
    rng, metric = np.random.default_rng(14), load(name)
    stated = np.median([compare(metric, *hard_two(rng, 0.0)).smallest_effect or 1 for _ in range(40)])
    effect = accuracy_for(metric, float(stated))
    found = [compare(metric, *hard_two(rng, effect)) for _ in range(500)]
    assert np.mean([(one.p_value or 0) <= 0.05 and one.difference > 0 for one in found]) == pytest.approx(0.8, abs=0.05)


def hard_two(rng: np.random.Generator, delta: float, rows: int = 300) -> tuple[Scored, Scored]:
    """Two adapters of which A is more accurate by `delta`, with scores that are 0.9 for what they predict."""
    pair = two(rng, rows, 3, 0.8, max(0.15, delta), delta)
    a, b = (Scored(one.labels, one.gold, one.prediction, 0.85 * np.eye(3)[one.prediction] + 0.05) for one in pair)
    return a, b


def accuracy_for(metric: Metric, wanted: float) -> float:
    """The difference in accuracy that makes a difference of `wanted` in the metric, on 200,000 rows."""
    a, b = hard_two(np.random.default_rng(0), 0.05, 200_000)
    return wanted * 0.05 / abs(metric.compute(a) - metric.compute(b))


@pytest.mark.slow
def test_equivalent_and_not_worse_are_rarely_said_at_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """4,000 rows, 4 % of which differ; 600 pairs whose true difference is the margin, on the bad side."""
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    rng, called = np.random.default_rng(15), []
    for _ in range(600):
        a, b = two(rng, 4000, 3, 0.8, 0.04, 0.01)
        called.append(compare(ACCURACY, b, a, margin=0.01).outcome)
    assert np.mean([one in ("equivalent", "not worse") for one in called]) <= allowed(600, 0.025)
    assert called.count("worse") > 300


@pytest.mark.slow
def test_users_without_a_difference_are_rarely_called_different(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 and 50 users of 10 rows, intra-class correlation 0.1 and 0.3 of each adapter by itself; 300 pairs a cell."""
    monkeypatch.setattr(permutation, "DRAWS", 2_000)
    rng = np.random.default_rng(13)
    for (units, correlation), name in itertools.product(((20, 0.3), (50, 0.1), (50, 0.3)), ("accuracy", "macro_f1")):
        wrong = 0
        for _ in range(300):
            a, unit = clustered(rng, units, 10, 0.8, correlation)
            b, _ = clustered(rng, units, 10, 0.8, correlation)
            b = Scored(a.labels, a.gold, np.where(b.gold == b.prediction, a.gold, 1 - a.gold))
            wrong += compare(load(name), a, b, unit).outcome in DIFFERENT
        assert wrong / 300 <= allowed(300), (units, correlation, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "macro_f1"])
def test_recipes_that_differ_in_nothing_but_seeds(name: str) -> None:
    """5 seeds of each, 100 and 1,000 rows, luck of the seed from none to 7 points; 200 pairs a cell, 5 cells."""
    rng, metric, wrong = np.random.default_rng(16), load(name), []
    for rows, luck, own in ((100, 0.0, 0.5), (100, 0.2, 0.3), (1000, 0.05, 0.1), (1000, 0.2, 0.5), (1000, 0.3, 0.3)):
        for _ in range(200):
            seeds = trained(rng, rows, 10, luck, own)
            wrong.append(compare_recipes(metric, seeds[:5], seeds[5:]).outcome in DIFFERENT)
    cells = np.reshape(wrong, (5, 200)).mean(1)
    assert max(cells) <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5 and np.mean(wrong) <= allowed(1000), cells


@pytest.mark.slow
def test_single_adapters_that_differ_in_seed_only_do_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """What five seeds are for: of 300 pairs of single seeds, on 1,000 rows, more than a tenth are called different.

    They are: on more rows the one stays better. That says nothing about the recipe.
    """
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)
    rng, called = np.random.default_rng(17), []
    for _ in range(300):
        called.append(compare(ACCURACY, *trained(rng, 1000, 2, 0.2, 0.3)).outcome in DIFFERENT)
    assert np.mean(called) > 0.1


@pytest.mark.slow
def test_recipes_that_differ_are_found() -> None:
    """5 seeds of each, 1,000 rows: what 60 pairs without a difference state in the middle is given to 300 pairs."""
    rng, luck, own = np.random.default_rng(18), 0.05, 0.3
    equal = (trained(rng, 1000, 10, luck, own) for _ in range(60))
    stated = float(np.median([compare_recipes(ACCURACY, one[:5], one[5:]).smallest_effect or 1 for one in equal]))
    spread = float(np.hypot(1.0, np.hypot(luck, own)))  # of the lead of a row, around 0.8
    effect = spread * norm.ppf(norm.cdf(0.8 / spread) + stated) - 0.8
    found = []
    for _ in range(300):
        gold, easy = rng.integers(0, 3, 1000), rng.normal(0.8, 1, 1000)
        found.append(compare_recipes(ACCURACY, *(trained(rng, 1000, 5, luck, own, x, gold, easy) for x in (effect, 0))))
    rate = np.mean([(one.p_value or 1) <= 0.05 and one.difference > 0 for one in found])
    assert 0 < stated < 0.1 and rate == pytest.approx(0.8, abs=0.05 + 0.023)
