"""What a search tried and chose, as the report tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ftkit.training.fitting import Outcome
    from ftkit.training.parts import Rung


def ladder_of(outcome: Outcome) -> dict[str, Any] | None:
    """Each rung with its score and its gain in every part; None where the method was not searched for.

    Of several seeds the delivered one's.
    """
    arms, fits = outcome.session.arms, _fits(outcome)
    if len(arms) == 1:
        return None
    rungs = []
    for number, method in enumerate(arms.methods):
        tried = {part: one.choice.rungs[number] for part, one in fits.items() if number < len(one.choice.rungs)}
        scores = [_turned(outcome, rung.score) for rung in tried.values()]
        rungs.append(
            {
                "method": method.name,
                "label": method.label,
                "arithmetic": sum(rung.arithmetic for rung in tried.values()),
                "score": float(np.mean(scores)) if scores else None,
                "parts": {part: _rung(outcome, rung) for part, rung in tried.items()},
            }
        )
    return {"rungs": rungs, "chosen": {part: arms.methods[one.choice.arm].label for part, one in fits.items()}}


def rates_of(outcome: Outcome) -> dict[str, Any] | None:
    """Score of each learning rate in every part; None where there was nothing to choose."""
    fits = _fits(outcome)
    scores = {part: one.choice.rates for part, one in fits.items() if one.choice.rates}
    if not scores:
        return None
    return {
        "candidates": sorted({lr for rates in scores.values() for lr in rates}),
        "scores": {part: {repr(lr): _turned(outcome, v) for lr, v in rates.items()} for part, rates in scores.items()},
        "chosen": {part: one.choice.lr for part, one in fits.items()},
    }


def _fits(outcome: Outcome) -> dict[str, Any]:
    return {part: one for (part, seed), one in outcome.fits.items() if seed == outcome.delivered}


def _rung(outcome: Outcome, rung: Rung) -> dict[str, Any]:
    found: dict[str, Any] = {"score": _turned(outcome, rung.score)}
    if (climb := rung.climb) is not None:
        found |= {"gain": climb.gain, "standard_error": climb.standard_error, "needed": climb.needed}
        found |= {"climbed": climb.climbed, "rows": climb.rows}
    return found


def _turned(outcome: Outcome, score: float) -> float:
    """The primary metric as it counts; inside the loop larger is always better."""
    from ftkit import metrics

    return score if metrics.load(outcome.session.recipe.evaluate.metrics[0]).higher_is_better else -score
