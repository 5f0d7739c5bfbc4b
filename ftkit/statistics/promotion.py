"""Whose own adapter is used: gains of many groups, each estimated from few rows, judged together.

Empirical Bayes with a normal prior and normal errors (Efron and Morris 1975, J. Am. Stat. Assoc. 70:311): the true
gain of a group is drawn from N(mean, spread²), and what is seen of it errs by N(0, variance). So a group with few rows
is believed less, and drawn towards what the others gained. The best spread alone would be trusted too much where
groups are small: every spread counts by its restricted likelihood, under a flat prior (Gelman 2006, Bayesian
Analysis 1:515). The variance of a group with few rows is itself unsure; it is drawn towards that of all rows.

A group is promoted where its expected gain is above 0 and the probability of harm is below a limit: `HARM` at most,
and low enough that of all promoted groups `HARMED` at most are expected to be harmed (the direct posterior
approach of Newton et al. 2004, Biostatistics 5:155). The limit is kept with the prior, so that a group that
is judged later changes nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

HARM = 0.2
"""probability of harm from which no group is promoted"""
HARMED = 0.03
"""share of the promoted groups that may be expected to be harmed; 5 % are promised, and rows are not quite normal"""
FEWEST = 3
"""groups that anything can be learned from"""
SPREADS = 60
"""spreads that are weighed"""
STRENGTH = 10.0
"""units that the variance of all rows counts for beside a group's own"""


@dataclass(frozen=True, eq=False)
class Tally:
    """Differences of single rows, summed up by group, (groups,) everywhere: its own adapter against the general one."""

    rows: np.ndarray
    gain: np.ndarray
    """mean difference of the rows, positive where its own is better; nan without rows"""
    units: np.ndarray
    """what hangs together: rows by themselves where nothing does"""
    squares: np.ndarray
    """estimated variance of the sum of a group's differences, from how its units differ; 0 for a single unit"""


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of each group, (groups,) everywhere."""

    rows: np.ndarray
    gain: np.ndarray
    variance: np.ndarray
    """of the gain, drawn towards that of all groups"""
    row_variance: float
    """of one row's difference, over all groups; rows of a unit hang together"""


@dataclass(frozen=True)
class Prior:
    """What is known of a group before its rows are looked at: spreads, and how likely each is."""

    spread: tuple[float, ...]
    """standard deviation of the true gains"""
    weight: tuple[float, ...]
    """of each spread; they sum to 1"""
    mean: tuple[float, ...]
    """of the true gains, at each spread"""
    error: tuple[float, ...]
    """standard error of that mean"""
    row_variance: float
    limit: float = HARM
    """probability of harm from which a group is not promoted"""

    @property
    def expected(self) -> tuple[float, float]:
        """Mean and spread of the true gains, averaged over the spreads."""
        weight = np.array(self.weight)
        return float(weight @ np.array(self.mean)), float(weight @ np.array(self.spread))


@dataclass(frozen=True, eq=False)
class Judged:
    """What is believed of each group, (groups,) everywhere."""

    gain: np.ndarray
    """expected"""
    low: np.ndarray
    high: np.ndarray
    """95 % interval"""
    harm: np.ndarray
    """probability that the true gain is below 0, or below minus a margin where one was given"""


def tally(difference: np.ndarray, group: np.ndarray, groups: int, unit: np.ndarray) -> Tally:
    """Sums by group of the differences (rows,) of single rows; `group` and `unit` are codes, (rows,)."""
    rows = np.bincount(group, minlength=groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.bincount(group, difference, minlength=groups) / rows
    pairs, place = np.unique(np.stack([group, unit]), axis=1, return_inverse=True)
    sums = np.bincount(place.ravel(), difference - gain[group], minlength=pairs.shape[1])
    units = np.bincount(pairs[0], minlength=groups)
    squares = np.bincount(pairs[0], sums**2, minlength=groups) * units / np.maximum(units - 1, 1)
    return Tally(rows, gain, units, squares)


def seen(found: Tally, row_variance: float | None = None) -> Seen:
    """The gains with their variances; `row_variance` is that of an earlier look at many groups, where there was one."""
    several = found.units > 1
    if row_variance is None:
        unit = float(np.abs(found.gain[found.rows > 0]).max(initial=0.0)) or 1.0  # of whatever the gains are counted in
        row_variance = float(found.squares[several].sum() / found.rows[several].sum()) if several.any() else unit**2
        row_variance = row_variance or unit**2 / max(1, found.rows.sum())  # no row differs: the next one might
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(several, found.squares / found.rows**2, 0.0)
        pooled = row_variance / found.rows
    weight = np.maximum(found.units - 1, 0)
    variance = (weight * own + STRENGTH * pooled) / (weight + STRENGTH)
    return Seen(found.rows, found.gain, variance, row_variance)


def fit(found: Seen, margin: np.ndarray | float = 0.0) -> Prior | None:
    """The prior of the groups that have rows, with its limit; None for fewer than `FEWEST` of them.

    `margin` is the loss that counts as harm only beyond it, of each group or of all.
    """
    known = found.rows > 0
    gain, variance = found.gain[known], found.variance[known]
    if len(gain) < FEWEST:
        return None
    spread = np.linspace(0.0, 3 * float(np.std(gain, ddof=1)) + 1e-9 * found.row_variance**0.5, SPREADS)
    weight = 1 / (variance[:, None] + spread**2)  # (groups, spreads)
    total = weight.sum(0)
    mean = (weight * gain[:, None]).sum(0) / total
    loss = -np.log(weight).sum(0) + np.log(total) + (weight * (gain[:, None] - mean) ** 2).sum(0)
    likely = np.exp(-0.5 * (loss - loss.min()))
    columns = (tuple(one.tolist()) for one in (spread, likely / likely.sum(), mean, total**-0.5))
    prior = Prior(*columns, row_variance=found.row_variance)  # type: ignore[misc, arg-type]  # four tuples
    believed = judge(prior, found, margin)
    return replace(prior, limit=_limit(believed.harm[known & (believed.gain > -np.asarray(margin))]))


def judge(prior: Prior, found: Seen, margin: np.ndarray | float = 0.0) -> Judged:
    """What the prior and a group's own rows say together; of a group without rows the prior alone."""
    from scipy.special import ndtr

    spread, weight, mean, error = (np.array(column) for column in (prior.spread, prior.weight, prior.mean, prior.error))
    known = (found.rows > 0)[:, None]
    gain, variance = np.nan_to_num(found.gain)[:, None], np.where(known, found.variance[:, None], 1.0)
    trust = np.where(known, spread**2 / (variance + spread**2), 0.0)  # of what was seen; (groups, spreads)
    at = trust * gain + (1 - trust) * mean
    noise = np.sqrt(np.where(known, trust * variance, spread**2) + ((1 - trust) * error) ** 2)
    # sums by row, not matrix products: their last bits do not depend on who else is judged
    expected = (at * weight).sum(1)
    width = np.sqrt(np.maximum(((noise**2 + at**2) * weight).sum(1) - expected**2, 0.0))
    worst = -np.broadcast_to(margin, found.gain.shape)[:, None]
    harm = (ndtr((worst - at) / np.maximum(noise, np.finfo(float).tiny)) * weight).sum(1)
    return Judged(expected, expected - 1.96 * width, expected + 1.96 * width, harm)


def promoted(prior: Prior, believed: Judged) -> np.ndarray:
    """(groups,) whether a group's own adapter is used."""
    chosen: np.ndarray = (believed.gain > 0) & (believed.harm < prior.limit)
    return chosen


def crossed(difference: np.ndarray, group: np.ndarray, unit: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(rows,) whether a row's group would be promoted by what was seen of all rows outside the row's fold.

    A score of these decisions is honest: rows that a group was promoted for do not speak for it again.
    """
    groups = int(group.max()) + 1 if len(group) else 0
    chosen = np.zeros(len(group), dtype=bool)
    for number in np.unique(fold):
        rest = fold != number
        found = seen(tally(difference[rest], group[rest], groups, unit[rest]))
        if (prior := fit(found)) is not None:
            chosen[~rest] = (promoted(prior, judge(prior, found)) & (found.rows > 0))[group[~rest]]
    return chosen


def _limit(harm: np.ndarray) -> float:
    """The limit at which no more of the promoted groups than `HARMED` are expected to be harmed."""
    ordered = np.sort(harm[harm < HARM])
    expected = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    over = np.flatnonzero(expected > HARMED)
    return HARM if not len(over) else float(ordered[over[0]])
