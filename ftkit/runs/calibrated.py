"""Temperatures of a run's fits, and what they do to the confidences of its test rows.

Every part has its own, fitted on the rows that its choices were made on. In a cross-fitted run a test row is scaled
with the temperature of the fold that predicted it; the delivered adapter, which follows the folds in all that they
chose, has one that is fitted on what they held out, each row counting once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ftkit.statistics import temperature
from ftkit.statistics.calibrated import measured
from ftkit.statistics.predictions import scored
from ftkit.statistics.summary import ADAPTED
from ftkit.statistics.temperature import Temperature

if TYPE_CHECKING:
    from ftkit.training.fitting import Outcome
    from ftkit.training.parts import Fitted

NONE_ASKED = "data.validation is none, so there are no validation rows"
OF_TAGS = "confidences of tags are not calibrated"
NUMBERS = "numbers are predicted, which come without probabilities"
NONE_HELD = "no rows could be held out for validation"


def temperatures(outcome: Outcome, seed: int) -> dict[str, Temperature]:
    """part: its temperature."""
    return {part: _of(outcome, one) for (part, other), one in outcome.fits.items() if other == seed}


def _of(outcome: Outcome, one: Fitted) -> Temperature:
    session = outcome.session
    held = one.choice.held
    if session.recipe.task.kind == "values":
        return Temperature(None, 0, NUMBERS)
    if held is None:
        return Temperature(None, 0, NONE_ASKED if session.recipe.data.validation == "none" else NONE_HELD)
    return temperature.fitted(held.rows, held.logits, session.targets[held.rows])


def delivered(outcome: Outcome, seed: int) -> Temperature:
    """That of a seed's adapter; none where a fold has none, because then nobody has measured what it does."""
    if outcome.session.recipe.task.kind == "tags":
        return Temperature(None, 0, OF_TAGS)
    known = temperatures(outcome, seed)
    for part, one in known.items():
        if one.value is None:
            return Temperature(None, one.rows, one.why_not if part == "final" else f"{part}: {one.why_not}")
    return known["final"]


def calibration_of(outcome: Outcome, predictions: pd.DataFrame, labels: tuple[str, ...]) -> dict[str, Any] | None:
    """The report's `calibration`, None for tags; `labels` as they stand in `predictions`."""
    seed, kind = outcome.delivered, outcome.session.recipe.task.kind
    if kind == "values":
        return {"temperature": None, "fitted_on_rows": 0, "why_not": NUMBERS}
    if kind == "tags":
        return {"temperature": None, "fitted_on_rows": 0, "why_not": OF_TAGS}
    known, found = temperatures(outcome, seed), delivered(outcome, seed)
    mine = predictions[(predictions["predictor"] == ADAPTED) & (predictions["seed"] == seed)]
    before, units = scored(mine, ADAPTED, seed, labels, kind)
    after = None
    if found.value is not None:
        values = {part: one.value for part, one in known.items() if one.value is not None}
        scores = pd.Series(_scaled(outcome, seed, values), index=mine.index)
        after, _ = scored(mine.assign(scores=scores), ADAPTED, seed, labels, kind)
    return {
        "temperature": found.value,
        "fitted_on_rows": found.rows,
        "why_not": found.why_not,
        "parts": {part: {"temperature": one.value, "rows": one.rows} for part, one in known.items()},
        **measured(before, after, units),
    }


def _scaled(outcome: Outcome, seed: int, values: dict[str, float]) -> list[np.ndarray]:
    """Probabilities of the test rows in the order of the predictions, each part divided by its own temperature."""
    tested = [part.name for part in outcome.session.splits.parts if len(part.test)]
    logits = [outcome.fits[part, seed].logits / values[part] for part in tested]
    return list(outcome.session.recipe.task.scores(np.concatenate(logits)))
