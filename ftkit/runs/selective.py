"""What a run answers, and how well, when it may leave out the rows that it is unsure of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ftkit.metrics import Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics.predictions import scored, select
from ftkit.statistics.selective import DIGITS, WANTED, answered, curve, threshold
from ftkit.statistics.summary import ADAPTED
from ftkit.statistics.temperature import shares
from ftkit.training import judging

if TYPE_CHECKING:
    from ftkit.training.fitting import Outcome

Chooser = tuple[np.ndarray, np.ndarray, np.ndarray]
"""confidence, right, weight of each entry"""


def selective_of(outcome: Outcome, predictions: pd.DataFrame, labels: tuple[str, ...]) -> dict[str, Any] | None:
    """The report's `selective`; `labels` as they stand in `predictions`. None for numbers and for tags.

    Confidences are those that `ftkit predict` writes unless told to calibrate. Each fold of a cross-fitted run chooses
    on its own validation rows, and its own test rows are answered by that; the threshold that is named is the
    delivered adapter's. Without validation rows test rows choose, and `chosen_on` says so.
    """
    seed, task = outcome.delivered, outcome.session.recipe.task
    if task.kind in ("values", "tags"):
        return None
    rows = select(predictions, ADAPTED, seed)
    test, units = scored(predictions, ADAPTED, seed, labels, task.kind)
    sure = task.confidence(np.stack(rows["scores"].to_list()).astype(np.float64)).round(DIGITS)
    part = np.array([f"fold {fold + 1}" if fold >= 0 else "final" for fold in rows["fold"]], dtype=object)
    choosers = _choosers(outcome, seed)
    held = bool(choosers)
    if not held:
        choosers = {name: _of_test(sure, test) for name in {*part, "final"}}
    return {
        "chosen_on": "validation" if held else "test",
        "rows": round(float(choosers["final"][2].sum())),
        "curve": curve(sure, test, units),
        "wanted": [_wanted(wanted, choosers, sure, part, test, units) for wanted in WANTED],
    }


def _choosers(outcome: Outcome, seed: int) -> dict[str, Chooser]:
    """part: its validation rows; nothing where a part has none."""
    session = outcome.session
    found = {}
    for (name, other), one in outcome.fits.items():
        if other != seed:
            continue
        held = one.choice.held
        if held is None:
            return {}
        seen = judging.scored(session.recipe, session.labels, session.targets[held.rows], held.logits)
        sure = session.recipe.task.confidence(np.asarray(seen.scores)).round(DIGITS)
        found[name] = (sure, Accuracy().rows(seen), shares(held.rows))
    return found


def _of_test(sure: np.ndarray, test: Scored) -> Chooser:
    return sure, Accuracy().rows(test), np.ones(len(test))


def _wanted(
    wanted: float,
    choosers: dict[str, Chooser],
    sure: np.ndarray,
    part: np.ndarray,
    test: Scored,
    units: np.ndarray | None,
) -> dict[str, Any]:
    """One wanted accuracy: the threshold, and what the test rows say of it."""
    chosen = {
        name: threshold(confidence, right, wanted, weight) for name, (confidence, right, weight) in choosers.items()
    }
    needed = np.array([np.inf if chosen[name] is None else chosen[name] for name in part], dtype=np.float64)
    tried = any(chosen[name] is not None for name in part)
    found = answered(test, sure >= needed, units) if tried else {"coverage": None, "rows": None, "accuracy": None}
    return {"wanted": wanted, "threshold": chosen["final"], "parts": chosen, **found}
