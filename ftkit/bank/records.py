"""What a bank keeps of a group, apart from its weights: one flat record, the same in shards and index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ftkit.bank import grouping
from ftkit.statistics import promotion, replacing
from ftkit.statistics.promotion import Prior, Seen, Tally

PROMOTED, GENERAL, HARMED, FAILED = "promoted", "general", "harmed", "failed"
OUTCOMES = (PROMOTED, GENERAL, HARMED, grouping.FEW_ROWS, grouping.ONE_LABEL, FAILED)
"""what may become of a group; with all but the first it uses the general adapter"""
ABSENT = "absent"
"""stands in the index for a group that the bank went back to not knowing"""
CANNOT_TELL, WORSE = "cannot tell", "worse"
"""verdicts: on too few rows, and on none; and of those that show it"""
LIKELY = 0.8
"""probability of harm from which a group counts as harmed by its own adapter, which is then withdrawn"""


@dataclass(frozen=True)
class Record:
    """A group as its shard knows it: how it was trained, and what was seen out of fold."""

    key: str
    name: str | None
    """None where rows are hidden"""
    rows: int
    new: bool
    """whether the general adapter has seen none of its rows"""
    data: str = ""
    """hash of its rows and their labels: what it was trained on"""
    why_not: str = ""
    """few rows, one label, or failed"""
    error: str = ""
    """what failed, on one line"""
    labels: tuple[int, ...] | None = None
    """of its own rows, by place, where it may be given no others"""
    place: int | None = None
    """of its adapter in the shard; None where it has none"""
    sha256: str = ""
    """of its adapter"""
    tested: int = 0
    """rows that were predicted out of fold"""
    gain: float | None = None
    """mean difference to the general adapter there; positive: its own is better"""
    units: int = 0
    squares: float = 0.0
    """see `ftkit.statistics.promotion.Tally`"""
    trained: str = ""
    """when, in ISO format"""
    generation: int = 1
    """of the bank, in which it was trained"""
    verdict: str = ""
    """outcome against what was in service then: better, equivalent, …; empty where nothing of its own was"""
    without: str = ""
    """outcome of the general adapter against the same"""
    unseen: int = 0
    """rows that neither it nor the group's adapter before has seen, in service or not"""
    change: float | None = None
    """mean difference there; positive: the new one is better"""
    change_units: int = 0
    change_squares: float = 0.0
    """see `ftkit.statistics.promotion.Tally`"""
    margin: float = 0.0
    """smallest loss that matters there"""
    change_low: float | None = None
    change_high: float | None = None
    """95 % interval"""
    needed: int | None = None
    """rows on which that difference would show that it is no worse; None: it does, or no number of rows would"""


@dataclass(frozen=True)
class Outcome:
    """What became of a group."""

    record: Record
    shard: int
    outcome: str
    expected: float | None = None
    """posterior mean of the true gain; None where no adapter was trained"""
    low: float | None = None
    high: float | None = None
    """95 % interval"""
    harm: float | None = None
    """probability that the true gain is below 0"""
    since: int = 1
    """generation of the bank from which on this is so"""
    tried: str = ""
    """hash of the rows that the group was last trained on, whatever became of that; see `Record.data`"""
    kept: str = ""
    """why what was trained last is not in service: worse, failed, cannot tell on 37 rows …; empty where it is"""


@dataclass(frozen=True)
class Beside:
    """What the changes of all groups that were retrained together say of one of them."""

    safe: bool
    why: str
    """why its new adapter may not be used, where it may not"""


def seen_of(records: Sequence[Record], prior: Prior | None = None) -> Seen:
    """Gains of groups with an adapter of their own."""
    return _seen(records, ("tested", "gain", "units", "squares"), prior)


def _seen(records: Sequence[Record], names: Sequence[str], prior: Prior | None) -> Seen:
    """Differences of groups; `names` are the keys of rows, mean difference, units and squares."""
    rows, gain, units, squares = (np.array([getattr(one, name) for one in records]) for name in names)
    found = Tally(rows, gain.astype(np.float64), units, squares.astype(np.float64))
    return promotion.seen(found, None if prior is None else prior.row_variance)


def _changes(records: Sequence[Record], prior: Prior | None = None) -> tuple[Seen, np.ndarray]:
    """Changes of groups from the adapter before to the new one, and the margins that they are held against."""
    seen = _seen(records, ("unseen", "change", "change_units", "change_squares"), prior)
    return seen, np.array([one.margin for one in records])


def change_of(records: Sequence[Record]) -> Prior | None:
    """What the changes of all groups that had an adapter before say of one another; None where they are too few."""
    changed = [one for one in records if one.change is not None]
    return replacing.fit(*_changes(changed)) if changed else None


def beside(records: Sequence[Record], change: Prior | None) -> dict[str, Beside]:
    """By group that had an adapter before: whether it may get its new one, by what was seen of all of them."""
    changed = [one for one in records if one.change is not None]
    if change is None or not changed:
        return {}
    seen, margin = _changes(changed, change)
    safe, risk = replacing.safe(change, seen, margin), replacing.risk(change, seen, margin)
    why = [f"judged with all retrained groups it is worse with a probability of {one:.0%}" for one in risk]
    own = "its own rows speak against it, whatever the other groups gained"
    return {one.key: Beside(bool(safe[i]), own if risk[i] < change.limit else why[i]) for i, one in enumerate(changed)}


def prior_of(records: Sequence[Record]) -> Prior | None:
    """What all groups with an adapter of their own say of one another; None where they are too few."""
    trained = [one for one in records if one.place is not None]
    return promotion.fit(seen_of(trained)) if trained else None


def outcomes(records: Sequence[tuple[int, Record]], prior: Prior | None) -> list[Outcome]:
    """What becomes of each group, from (shard, record); without a prior nobody is promoted."""
    trained = [(shard, one) for shard, one in records if one.place is not None]
    left = [Outcome(one, shard, one.why_not) for shard, one in records if one.place is None]
    if prior is None or not trained:
        return left + [Outcome(one, shard, GENERAL) for shard, one in trained]
    believed = promotion.judge(prior, seen_of([one for _, one in trained], prior))
    chosen = promotion.promoted(prior, believed)
    found = []
    for i, (shard, one) in enumerate(trained):
        harmed = believed.gain[i] < 0 and believed.harm[i] > LIKELY
        outcome = PROMOTED if chosen[i] else HARMED if harmed else GENERAL
        expected, low, high, harm = (
            float(each[i]) for each in (believed.gain, believed.low, believed.high, believed.harm)
        )
        found.append(Outcome(one, shard, outcome, expected, low, high, harm))
    return left + found
