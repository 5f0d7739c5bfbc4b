"""Who is promoted, on simulated banks whose true gains are known."""

from __future__ import annotations

import numpy as np
import pytest

from ftkit.statistics import promotion

BANKS = 12


def drawn(
    random: np.random.Generator, mean: float, spread: float, rows: float, groups: int = 200
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True gains (groups,), differences (rows,) of right and wrong answers, and whose each row is."""
    often = 0.25  # share of rows on which the two adapters differ
    true = np.clip(random.normal(mean, spread, groups), -often, often)
    group = np.repeat(np.arange(groups), np.maximum(8, random.poisson(rows, groups)))
    draw = random.random(len(group))
    difference = np.where(draw < (often + true[group]) / 2, 1.0, np.where(draw < often, -1.0, 0.0))
    return true, difference, group


def chosen_of(difference: np.ndarray, group: np.ndarray, groups: int = 200) -> np.ndarray:
    found = promotion.seen(promotion.tally(difference, group, groups, np.arange(len(group))))
    prior = promotion.fit(found)
    assert prior is not None
    return promotion.promoted(prior, promotion.judge(prior, found))


@pytest.mark.parametrize("rows", [10, 60])
@pytest.mark.parametrize(
    ("mean", "spread"), [(0.05, 0.05), (0.0, 0.05), (-0.02, 0.03), (0.02, 0.02), (0.1, 0.1), (0.01, 0.1), (0.0, 0.0)]
)
def test_few_are_harmed_and_the_promoted_gain(mean: float, spread: float, rows: float) -> None:
    random = np.random.default_rng([int(1000 * mean) % 97, int(1000 * spread), int(rows)])
    harmed, gains = [], []
    for _ in range(BANKS):
        true, difference, group = drawn(random, mean, spread, rows)
        chosen = chosen_of(difference, group)
        harmed.append(float((true[chosen] < 0).sum()) / len(true))
        gains += true[chosen].tolist()
    assert np.mean(harmed) <= 0.05
    if spread and len(gains) > 100:
        error = np.std(gains) / len(gains) ** 0.5
        assert np.mean(gains) - 1.96 * error > 0


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("mean", "spread"), [(0.1, 0.3), (0.0, 0.3), (-0.1, 0.2), (0.0, 0.0)])
def test_of_errors_in_any_unit_few_are_harmed(mean: float, spread: float, unit: float) -> None:
    """Differences of errors have no bounds and long tails, and groups differ in how much they scatter."""
    random = np.random.default_rng([int(1000 * mean) % 97, int(1000 * spread)])
    harmed, gains, promoted = [], [], []
    for _ in range(BANKS):
        true = random.normal(mean, spread, 200)
        group = np.repeat(np.arange(200), np.maximum(8, random.poisson(25, 200)))
        scatter = random.uniform(0.5, 2.0, 200)[group]
        difference = true[group] + scatter * random.standard_t(4, len(group)) / 2**0.5
        chosen = chosen_of(unit * difference, group)
        promoted.append(int(chosen.sum()))
        harmed.append(float((true[chosen] < 0).sum()) / len(true))
        gains += true[chosen].tolist()
    assert np.mean(harmed) <= 0.05
    if spread and mean >= 0:
        assert np.mean(gains) - 1.96 * np.std(gains) / len(gains) ** 0.5 > 0 and min(promoted) > 10


def test_it_promotes_most_of_those_who_gain_much() -> None:
    true, difference, group = drawn(np.random.default_rng(0), 0.1, 0.1, 150)
    assert chosen_of(difference, group)[true > 0.1].mean() > 0.9


def test_a_group_that_is_judged_later_changes_nobody_else() -> None:
    _, difference, group = drawn(np.random.default_rng(1), 0.05, 0.05, 30)
    found = promotion.seen(promotion.tally(difference, group, 200, np.arange(len(group))))
    prior = promotion.fit(found)
    assert prior is not None
    before = promotion.judge(prior, found)
    more = np.append(difference, np.ones(40)), np.append(group, np.full(40, 200))
    later = promotion.tally(*more, 201, np.arange(len(more[0])))
    after = promotion.judge(prior, promotion.seen(later, prior.row_variance))
    assert np.allclose(before.gain, after.gain[:200]) and np.allclose(before.harm, after.harm[:200])
    assert after.gain[200] > before.gain.max() * 0.9


def test_a_group_without_rows_gets_the_mean_of_the_others() -> None:
    _, difference, group = drawn(np.random.default_rng(2), 0.05, 0.02, 30)
    found = promotion.seen(promotion.tally(difference, group, 201, np.arange(len(group))))
    prior = promotion.fit(found)
    assert prior is not None
    believed = promotion.judge(prior, found)
    assert believed.gain[200] == pytest.approx(prior.expected[0])
    assert np.isnan(found.gain[200])


def test_rows_of_one_unit_count_as_one() -> None:
    _, difference, group = drawn(np.random.default_rng(3), 0.05, 0.05, 30)
    alone = promotion.seen(promotion.tally(difference, group, 200, np.arange(len(group))))
    copies = np.repeat(difference, 5), np.repeat(group, 5), np.repeat(np.arange(len(group)), 5)
    together = promotion.seen(promotion.tally(copies[0], copies[1], 200, copies[2]))
    assert np.allclose(together.gain, alone.gain)
    assert np.allclose(together.variance, alone.variance, rtol=1e-6)


def test_decisions_out_of_fold_do_not_see_the_row() -> None:
    random = np.random.default_rng(4)
    _, difference, group = drawn(random, 0.05, 0.1, 40)
    fold = random.integers(0, 5, len(group))
    before = promotion.crossed(difference, group, np.arange(len(group)), fold)
    changed = np.where(fold == 2, -1.0, difference)
    after = promotion.crossed(changed, group, np.arange(len(group)), fold)
    assert np.array_equal(before[fold == 2], after[fold == 2])
    assert not np.array_equal(before, after)


def test_too_few_groups_say_nothing() -> None:
    group = np.repeat([0, 1], 20)
    found = promotion.seen(promotion.tally(np.ones(40), group, 2, np.arange(40)))
    assert promotion.fit(found) is None
