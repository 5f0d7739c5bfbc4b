"""Recipes of several seeds: what is due to seeds, what to rows, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_rows import clustered, labels_of, soft, trained

from ftkit.errors import InputError
from ftkit.metrics import Scored, load
from ftkit.statistics.crossed import compare_recipes, spread
from ftkit.statistics.jackknife import leave_out, standard_error
from ftkit.statistics.paired import compare

ACCURACY = load("accuracy")


def pair(
    rng: np.random.Generator, rows: int, seeds: int, luck: float, own: float, effect: float = 0.0
) -> tuple[list[Scored], list[Scored]]:
    """Two recipes on the same rows; the first is better by `effect`."""
    gold, easy = rng.integers(0, 3, rows), rng.normal(0.8, 1, rows)
    first = trained(rng, rows, seeds, luck, own, effect, gold, easy)
    return first, trained(rng, rows, seeds, luck, own, 0.0, gold, easy)


def test_the_difference_is_that_of_the_means_over_seeds() -> None:
    rng = np.random.default_rng(0)
    a, b = pair(rng, 200, 5, 0.1, 0.3)
    b = [*b, *b[:2]]
    for name in ("accuracy", "macro_f1"):
        found = compare_recipes(load(name), a, b)
        assert found.value == pytest.approx(np.mean([load(name).compute(one) for one in a]))
        assert found.reference == pytest.approx(np.mean([load(name).compute(one) for one in b]))
        assert found.low is not None and found.high is not None and found.low < found.difference < found.high
        back = compare_recipes(load(name), b, a)
        assert (back.low, back.high) == pytest.approx((-found.high, -found.low))
        assert (back.fixed, back.broken) == (found.broken, found.fixed)


def test_the_p_value_agrees_with_the_interval() -> None:
    rng, seen = np.random.default_rng(1), set()
    for effect in np.linspace(0, 0.5, 40):
        a, b = pair(rng, 150, 5, 0.05, 0.3, effect)
        found = compare_recipes(ACCURACY, a, b)
        assert found.low is not None and found.high is not None and found.p_value is not None
        assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)
        seen.add(found.p_value <= 0.05)
    assert seen == {True, False}


def test_variances_are_those_of_a_two_way_table() -> None:
    """Accuracy, from mean squares: seeds, rows and their interaction, each recipe by itself."""
    rng = np.random.default_rng(2)
    a, b = pair(rng, 80, 6, 0.2, 0.5)
    right = [np.array([one.prediction == one.gold for one in side], float) for side in (a, b)]
    gap = right[0].mean(0) - right[1].mean(0)
    twice = 0.0
    for table in right:
        left = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
        twice += (left**2).sum() / (5 * 79) / 6 / 80
    found = spread(ACCURACY, a, b)
    assert found.seeds == pytest.approx([table.mean(1).var(ddof=1) / 6 for table in right])
    assert found.rows == pytest.approx(gap.var(ddof=1) / 80 - twice, rel=0.03)
    assert 5 <= found.freedom < 90


def test_seeds_that_all_agree_leave_the_spread_of_rows() -> None:
    rng = np.random.default_rng(3)
    (a,), (b,) = pair(rng, 200, 1, 0.0, 0.5)
    for name in ("accuracy", "macro_f1"):
        metric = load(name)
        found = spread(metric, [a] * 5, [b] * 5)
        alone = standard_error(leave_out(metric, a) - leave_out(metric, b), False)
        assert (
            found.seeds == pytest.approx((0, 0))
            and found.error == pytest.approx(alone)
            and found.freedom == pytest.approx(199)
        )


def test_luck_of_the_seed_is_no_difference_between_recipes() -> None:
    """One seed of the one is clearly better than one of the other, on 5,000 rows; the recipes are the same."""
    rng = np.random.default_rng(4)
    seeds = trained(rng, 5000, 10, 0.2, 0.1)
    found = compare_recipes(ACCURACY, seeds[:5], seeds[5:])
    assert found.outcome == "cannot tell" and found.smallest_effect is not None and found.smallest_effect > 0.02
    alone = compare(ACCURACY, max(seeds, key=ACCURACY.compute), min(seeds, key=ACCURACY.compute))
    assert alone.outcome == "better"
    assert compare_recipes(ACCURACY, *pair(rng, 5000, 5, 0.05, 0.1, 0.5)).outcome == "better"


def test_recipes_that_answer_alike_are_equivalent_as_seen() -> None:
    one = soft(np.random.default_rng(5), 100, 3, 1.0)
    for name in ("accuracy", "macro_f1", "log_loss"):
        found = compare_recipes(load(name), [one] * 5, [one] * 5)
        assert (found.outcome, found.same, found.fixed, found.broken) == ("equivalent", True, 0, 0)
    few = one.take(np.arange(4))
    assert compare_recipes(ACCURACY, [few] * 5, [few] * 5).note == "too few rows for an interval"


def test_lower_is_better_turns_the_sign() -> None:
    rng = np.random.default_rng(6)
    gold = rng.integers(0, 3, 300)
    sharp, dull = ([scores_for(rng, gold, lead) for _ in range(5)] for lead in (3.0, 0.5))
    found = compare_recipes(load("log_loss"), sharp, dull)
    assert found.outcome == "better" and found.difference > 0 and found.value < found.reference


def scores_for(rng: np.random.Generator, gold: np.ndarray, lead: float) -> Scored:
    logits = rng.normal(size=(len(gold), 3))
    logits[np.arange(len(gold)), gold] += lead
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Scored(labels_of(3), gold, scores.argmax(1), scores)


def test_few_units_give_no_verdict_and_more_a_wider_interval() -> None:
    rng = np.random.default_rng(7)
    some, unit = clustered(rng, 9, 20, 0.8, 0.2)
    other = Scored(some.labels, some.gold, 1 - some.gold)
    found = compare_recipes(ACCURACY, [some] * 5, [other] * 5, unit)
    assert (found.outcome, found.low, found.units) == ("cannot tell", None, 9)
    a, unit = clustered(rng, 30, 20, 0.8, 0.3)
    b = Scored(a.labels, a.gold, np.zeros(600, int))
    rows, units = (compare_recipes(ACCURACY, [a] * 5, [b] * 5, one) for one in (None, unit))
    assert None not in (rows.low, rows.high, units.low, units.high)
    assert units.high - units.low > rows.high - rows.low  # type: ignore[operator]


def test_four_seeds_and_other_rows_are_input_errors() -> None:
    one = soft(np.random.default_rng(8), 50, 3, 1.0)
    with pytest.raises(InputError, match="needs 5 seeds of each, here are 4") as error:
        compare_recipes(ACCURACY, [one] * 5, [one] * 4)
    assert "--seeds 5" in error.value.hint
    with pytest.raises(InputError, match="not of the same rows"):
        compare_recipes(ACCURACY, [one] * 5, [one] * 4 + [one.take(np.arange(49))])
