"""How many rows the exact test of McNemar needs, and the counts at which it rejects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from ftkit.statistics import mcnemar


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 19, 1e-5])
def test_limits_are_those_of_the_binomial_distribution(alpha: float) -> None:
    differing = np.arange(1, 600)
    table = 2 * binom.cdf(np.arange(-1, 300)[:, None], differing, 0.5)  # of -1, 0, 1, … broken rows
    assert np.array_equal(mcnemar._limits(differing, alpha), (table <= alpha).sum(0) - 2)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 19])
@pytest.mark.parametrize(("delta", "share"), [(0.02, 0.05), (0.05, 0.15), (0.1, 0.1), (0.03, 0.0), (0.3, 1.0)])
def test_that_many_rows_find_the_difference_and_fewer_do_not(delta: float, share: float, alpha: float) -> None:
    rows = mcnemar.rows_needed(delta, share, alpha)
    assert mcnemar.power(delta, share, rows, alpha) >= mcnemar.POWER
    assert mcnemar.power(delta, share, rows - 1, alpha) < mcnemar.POWER
    assert mcnemar.power(delta, share, int(0.9 * rows), alpha) < mcnemar.POWER


def test_many_rows_are_not_searched_for_but_nearly_as_right() -> None:
    for delta, share in ((0.01, 0.15), (0.005, 0.1), (0.02, 0.6)):
        rows = mcnemar.rows_needed(delta, share)
        assert rows > mcnemar.MANY_ROWS
        assert mcnemar.power(delta, share, rows) == pytest.approx(mcnemar.POWER, abs=0.002)


def test_rows_needed_and_the_smallest_effect_say_the_same() -> None:
    """With as many rows as a difference needs, it is about the smallest that is found."""
    for delta in (0.03, 0.06, 0.1):
        rows = mcnemar.rows_needed(delta, 0.2)
        differing = round(0.2 * rows)
        assert mcnemar.smallest_effect(differing, 0, rows) == pytest.approx(delta, rel=0.02)
