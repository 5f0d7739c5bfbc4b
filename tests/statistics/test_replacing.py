"""Who gets a retrained adapter, on simulated banks whose true changes are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm

from ftkit.metrics import Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics import paired, promotion, replacing
from ftkit.statistics.promotion import Prior, Seen

MARGIN, GROUPS, BANKS = 0.01, 60, 8


@dataclass(frozen=True)
class Week:
    """Groups that were retrained with a third more rows, (groups,) or (rows,)."""

    true: np.ndarray
    """change from the old adapter to the new one"""
    served: np.ndarray
    """whether the old one was promoted"""
    wanted: np.ndarray
    """whether the new one is"""
    group: np.ndarray
    right: np.ndarray
    """(3, rows): by the general adapter, the old one and the new one"""

    def changes(self, some: np.ndarray) -> Seen:
        """What was seen of the changes of some groups."""
        here = some[self.group]
        codes = np.cumsum(some)[self.group[here]] - 1
        difference = self.right[2, here] * 1.0 - self.right[1, here]
        return promotion.seen(promotion.tally(difference, codes, int(some.sum()), np.arange(len(codes))))

    def replaced(self) -> np.ndarray:
        """(groups,) who gets the new adapter."""
        found, margin = self.changes(np.ones(GROUPS, dtype=bool)), np.full(GROUPS, MARGIN)
        prior = replacing.fit(found, margin)
        assert prior is not None
        return self.served & self.wanted & replacing.safe(prior, found, margin)

    def alone(self) -> np.ndarray:
        """(groups,) who would get it by its own rows."""
        return self.served & self.wanted & np.array([self._shown(i) for i in range(GROUPS)])

    def _shown(self, group: int) -> bool:
        _, old, new = (Scored(("0", "1"), np.ones(len(one), int), one.astype(int)) for one in self._of(group))
        return paired.compare(Accuracy(), new, old, None, MARGIN).outcome in paired.MEETS["not-worse"]

    def _of(self, group: int) -> np.ndarray:
        return self.right[:, self.group == group]


def drawn(random: np.random.Generator, mean: float, spread: float, rows: float, bad: float = 0.0) -> Week:
    """A share `bad` of the groups loses 20 points; what is right by one adapter is mostly so by the others."""
    general = np.clip(random.normal(0.55, 0.08, GROUPS), 0.2, 0.85)
    old = np.clip(general + random.normal(0.05, 0.06, GROUPS), 0.05, 0.9)
    change = np.where(random.random(GROUPS) < bad, -0.2, random.normal(mean, spread, GROUPS))
    new = np.clip(old + change, 0.02, 0.98)
    group = np.repeat(np.arange(GROUPS), np.maximum(10, random.poisson(rows, GROUPS)))
    shared, alone = random.normal(size=len(group)), random.normal(size=(3, len(group)))
    hard = 0.8**0.5 * shared + 0.2**0.5 * alone
    right = hard < norm.ppf(np.stack([general, old, new]))[:, group]
    first = random.random(len(group)) < 0.75
    prior, served = promoted(right, group, 1, first, None)
    wanted = promoted(right, group, 2, np.ones(len(group), dtype=bool), prior)[1]
    return Week(new - old, served, wanted, group, right)


def promoted(
    right: np.ndarray, group: np.ndarray, which: int, some: np.ndarray, prior: Prior | None
) -> tuple[Prior, np.ndarray]:
    """The prior of gains, and who is promoted by some rows."""
    difference = right[which, some] * 1.0 - right[0, some]
    tally = promotion.tally(difference, group[some], GROUPS, np.arange(int(some.sum())))
    found = promotion.seen(tally, None if prior is None else prior.row_variance)
    prior = prior or promotion.fit(found)
    assert prior is not None
    return prior, promotion.promoted(prior, promotion.judge(prior, found))


@pytest.mark.parametrize("rows", [25, 80])
@pytest.mark.parametrize(
    ("mean", "spread", "bad"),
    [(0.0, 0.0, 0.0), (0.0, 0.03, 0.0), (0.02, 0.03, 0.0), (0.05, 0.03, 0.0), (-0.03, 0.03, 0.0), (0.03, 0.02, 0.1)],
)
def test_few_get_a_worse_one(mean: float, spread: float, bad: float, rows: float) -> None:
    random = np.random.default_rng([int(1000 * mean) % 97, int(1000 * spread), int(100 * bad), int(rows)])
    worse = []
    for _ in range(BANKS):
        week = drawn(random, mean, spread, rows, bad)
        worse.append((week.replaced() & (week.true < -MARGIN)).sum() / max(1, week.served.sum()))
    assert np.mean(worse) <= 0.05


def test_many_that_gained_a_little_are_replaced_which_their_own_rows_would_not_show() -> None:
    random = np.random.default_rng(1)
    weeks = [drawn(random, 0.05, 0.03, 40) for _ in range(BANKS)]
    served = sum(int(week.served.sum()) for week in weeks)
    together, alone = (sum(int(one.sum()) for one in found) for found in zip(*map(both, weeks), strict=True))
    assert together > 0.4 * served
    assert together > 3 * alone


def both(week: Week) -> tuple[np.ndarray, np.ndarray]:
    return week.replaced(), week.alone()


def test_one_that_was_made_worse_on_purpose_is_not_safe_whatever_the_others_gained() -> None:
    """Also where the others agree so well that the prior leaves room for nobody."""
    rows, change = np.full(GROUPS, 40), np.full(GROUPS, 0.05)
    change[7] = -0.12
    found = Seen(rows, change, np.full(GROUPS, 0.08**2), 0.25)
    prior, margin = replacing.fit(found, np.full(GROUPS, MARGIN)), np.full(GROUPS, MARGIN)
    assert prior is not None
    safe = replacing.safe(prior, found, margin)
    assert replacing.risk(prior, found, margin)[7] < prior.limit  # so that only its own rows speak against it
    assert not safe[7] and safe.sum() == GROUPS - 1


def test_those_in_service_alone_would_say_that_everybody_gets_worse() -> None:
    """They were chosen for what they did on these rows."""
    random, means = np.random.default_rng(2), []
    for _ in range(BANKS):
        week = drawn(random, 0.0, 0.0, 80)
        every, served = (promotion.fit(week.changes(some)) for some in (np.ones(GROUPS, dtype=bool), week.served))
        assert every is not None and served is not None
        means.append([every.expected[0], served.expected[0]])
    everybody, chosen = np.mean(means, axis=0)
    assert abs(everybody) < 0.01 and chosen < -0.015


def test_a_wider_margin_lets_more_through_and_no_rows_nobody() -> None:
    week = drawn(np.random.default_rng(3), 0.02, 0.02, 40)
    found = week.changes(np.ones(GROUPS, dtype=bool))
    prior = replacing.fit(found, np.full(GROUPS, MARGIN))
    assert prior is not None
    risks = [replacing.risk(prior, found, np.full(GROUPS, margin)) for margin in (0.0, 0.01, 0.05)]
    assert (risks[0] > risks[1]).all() and (risks[1] > risks[2]).all()
    empty = Seen(np.array([0]), np.array([np.nan]), np.array([np.nan]), 0.2)
    assert not replacing.safe(prior, empty, np.array([0.5])).any()


def test_too_few_groups_do_not_speak_for_one_another() -> None:
    count = replacing.ENOUGH - 1
    found = Seen(np.full(count, 40), np.full(count, 0.1), np.full(count, 0.01), 0.4)
    assert replacing.fit(found, np.zeros(count)) is None
