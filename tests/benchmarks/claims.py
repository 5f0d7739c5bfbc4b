"""What ftkit has to reach in the benchmark, and whether it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from contestants import BEST, BLOCKS, KINDS, SETFIT, TRAINER
from measure import table
from records import Bound, Record, typical
from sets import SETS
from spreads import half_of_both
from tables import Found, ratios, shares, spread

Claim = tuple[str, str, str, str]
"""what, needed, measured, whether it holds"""
SOONER, SOONER_THAN_SETFIT, SECOND_RUN = 30.0, 10.0, 5.0
SLACK = 1.2
"""of an epoch on k of L layers over k/L of one on all"""


def of_claims(found: Found, work: str, again: str) -> str:
    """One line each."""
    lines = [*_same_work(found, work), *_target(found), *_setfit(found), *_second(found, again)]
    return table(["in seconds of training unless said", "needed", "measured", "holds"], lines)


def judged(what: str, values: Sequence[Bound], needed: float) -> Claim:
    """A ratio that has to be large; one that is only a lower bound cannot fail."""
    if not values:
        return what, f"{needed:g}", "–", "not measured"
    middle = typical(values)
    holds = "yes" if middle.value >= needed else "cannot tell" if middle.at_least else "no"
    return what, f"{needed:g}", spread(values), holds


def _same_work(found: Found, part: str) -> Iterator[Claim]:
    for kind in KINDS:
        for name, needed in zip((TRAINER, BEST), kind.needed, strict=True):
            yield judged(f"{kind.name}: times faster than {name}", ratios(found, part, kind, name), needed)
    for kind in KINDS:
        if 0 < kind.blocks < BLOCKS:
            most = SLACK * kind.blocks / BLOCKS
            measured = shares(found, part, kind)
            holds = "not measured" if not measured else "yes" if float(np.median(measured)) <= most else "no"
            what = f"{kind.name}: an epoch after the first, as a share of one on all layers"
            yield what, f"at most {most:.2f}", spread([Bound(one) for one in measured]), holds


def _target(found: Found) -> Iterator[Claim]:
    one = SETS["banking77_10"]
    for name in (TRAINER, BEST):
        values = [
            theirs.time_to(one.target).over(ours.time_to(one.target).value)
            for ours, theirs in found.pairs(one.name, name)
            if not ours.time_to(one.target).at_least
        ]
        what = f"{one.name}, from process start: times sooner at {one.target:.2f} than {name}, at the best of its rates"
        yield judged(what, values, SOONER)


def _setfit(found: Found) -> Iterator[Claim]:
    for one in SETS.values():
        pairs = found.pairs(one.name, SETFIT)
        what = f"{one.name}, from process start: times sooner at SetFit's accuracy than SetFit"
        if any(not theirs.complete for _, theirs in pairs):
            slow = spread([Bound(theirs.seconds / ours.seconds, at_least=True) for ours, theirs in pairs])
            yield what, f"{SOONER_THAN_SETFIT:g}", f"given up at {slow} times ftkit's whole run", "cannot tell"
            continue
        reached = [(theirs, ours.time_to(theirs.accuracy)) for ours, theirs in pairs]
        if any(mine.at_least for _, mine in reached):
            missed = sum(mine.at_least for _, mine in reached)
            yield what, f"{SOONER_THAN_SETFIT:g}", f"not reached in {missed} of {len(pairs)} repetitions", "no"
        else:
            values = [Bound(theirs.models[-1][0] / mine.value) for theirs, mine in reached]
            yield judged(what, values, SOONER_THAN_SETFIT)
        yield not_worse(f"{one.name}: accuracy less SetFit's, on the same rows", pairs)


def not_worse(what: str, pairs: Sequence[tuple[Record, Record]]) -> Claim:
    """Whether ours is below theirs by more than chance explains: which rows were drawn to train on, and to test."""
    needed = "not below 0 beyond noise"
    if not pairs:
        return what, needed, "–", "not measured"
    gap, low, high = difference(pairs)
    drawn = f", {len(pairs)} draws" if len(pairs) > 1 else ""
    return what, needed, f"{gap:+.3f} ({low:+.3f} to {high:+.3f}{drawn})", "yes" if high >= 0 else "no"


def difference(pairs: Sequence[tuple[Record, Record]]) -> tuple[float, float, float]:
    """Accuracy of ours less theirs and its 95 % interval over repetitions and test rows; of one repetition over rows.

    Rows are averaged over repetitions before their spread is taken: it then shrinks with what is the repetitions' own.
    """
    ours, theirs = (np.array([list(pair[side].right) for pair in pairs]) for side in (0, 1))
    scored = ((ours != "-") & (theirs != "-")).all(axis=0)
    gaps = ((ours == "1").astype(float) - (theirs == "1"))[:, scored]
    each, drawn = gaps.mean(axis=0), gaps.mean(axis=1)
    mean, over_rows = float(each.mean()), 1.96 * float(each.std(ddof=1)) / len(each) ** 0.5
    half = over_rows if len(drawn) == 1 else half_of_both(drawn, [(mean - over_rows, mean + over_rows)])
    return mean, mean - half, mean + half


def _second(found: Found, part: str) -> Iterator[Claim]:
    first, second = (found.of(part, name) for name in ("first", "second"))
    took = [Bound(first[i].about["first_step"] / second[i].about["first_step"]) for i in first if i in second]
    yield judged("second run on the same rows: times sooner from base to first step", took, SECOND_RUN)
