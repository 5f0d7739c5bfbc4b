"""What a part trains with: arm, learning rate and passes, chosen on its inner holdouts and on nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ftkit.console import console
from ftkit.methods import Method
from ftkit.search.ladder import Climb
from ftkit.training.arms import Arm
from ftkit.training.finite import NotFinite
from ftkit.training.parts import Choice, Fit, Rung, Tried

RATES = (0.3, 1.0, 3.0)  # times the method's own rate; the best rate of a set is seldom further off


@dataclass(frozen=True)
class Search:
    """What is open: the rates of a method, and how one trial is weighed against another."""

    rates: Callable[[Method], Sequence[float]]
    weigh: Callable[[Fit, Tried, Tried], Climb]
    """(fit, upper rung, lower rung)"""


def rates_around(method: Method) -> list[float]:
    """Learning rates to try, smallest first."""
    return [float(f"{method.default_lr * factor:.3g}") for factor in RATES]


def choose(fit: Fit, search: Search) -> Choice:
    """Climb the ladder until a rung gains too little; each rung at its best learning rate and passes."""
    arms = fit.arms
    if not fit.part.inner or (len(arms) == 1 and fit.settings(arms[0]).epochs == 0):
        settings = fit.settings(arms[0])
        held = fit.solved() if settings.epochs == 0 else None
        return Choice(0, settings.lr, settings.epochs, float("nan"), held=held)
    taken, rates = _best_rate(fit, search, arms[0])
    rungs = [Rung(taken.score, None, _arithmetic(fit, taken, len(rates)))]
    for number in range(1, len(arms)):
        try:
            upper, upper_rates = _best_rate(fit, search, arms[number])
        except NotFinite as error:  # no rung to stand on, but those below it hold
            console.warn(f"{arms[number].method.label} is left out: {error.message}")
            break
        climb = search.weigh(fit, upper, taken)
        rungs.append(Rung(upper.score, climb, _arithmetic(fit, upper, len(upper_rates))))
        left = taken if climb.climbed else upper
        for one in left.members:
            one.release(weights=True)
        if not climb.climbed:
            break
        taken, rates = upper, upper_rates
    member = None if fit.part.refit else taken.members[0]
    ladder = tuple(rungs) if len(arms) > 1 else ()
    several = rates if len(rates) > 1 else {}
    held = fit.held(taken.held)
    return Choice(taken.arm.number, taken.lr, taken.epochs, taken.score, ladder, several, member, held)


def _best_rate(fit: Fit, search: Search, arm: Arm) -> tuple[Tried, dict[float, float]]:
    """The best trial of an arm, and the score of each rate."""
    settings = fit.settings(arm)
    best: Tried | None = None
    scores: dict[float, float] = {}
    rates = search.rates(arm.method) if settings.epochs else [settings.lr]
    for lr in rates:
        try:
            one = fit.attempt(arm, lr)
        except NotFinite as error:
            if best is None and lr == rates[-1]:
                raise
            console.warn(f"learning rate {lr:g} is left out: {error.message}")
            continue
        scores[lr] = one.score
        worse = one
        if best is None or _rank(one) > _rank(best):
            best, worse = one, best or one
        if worse is not best:
            for member in worse.members:
                member.release(weights=True)
    assert best is not None  # the last rate has raised otherwise
    return best, scores


def _rank(one: Tried) -> tuple[float, float]:
    return (-math.inf if math.isnan(one.score) else one.score, -one.loss)


def _arithmetic(fit: Fit, one: Tried, rates: int) -> float:
    """Multiply-adds of all passes that trying an arm took."""
    passes = [(rows, len(member.curve) - 1) for (rows, _), member in zip(fit.part.inner, one.members, strict=True)]
    return rates * sum(one.arm.arithmetic(rows, count) for rows, count in passes)
