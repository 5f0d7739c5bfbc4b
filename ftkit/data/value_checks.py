"""What numbers to predict give away: how they are spread, constants, and values off the scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ftkit.data import positions
from ftkit.data.gold import are_numbers
from ftkit.data.names import many
from ftkit.data.table import Finding, Gold
from ftkit.errors import InputError

if TYPE_CHECKING:
    from ftkit.recipe import Recipe

MOSTLY = 0.9
"""share of the rows with one and the same number from which there is little to learn"""
FAR = 10.0
"""quartile ranges off the middle half from which a number looks like a slip"""


def distributions(frame: pd.DataFrame, targets: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Split -> target -> rows, mean, sd, and the numbers below which a quarter, half and three quarters lie."""
    if not are_numbers(frame["gold"]):
        return {}
    named = positions.answers(targets)
    return {
        str(split): {name: _spread(column) for name, column in zip(named, _columns(gold.tolist()).T, strict=True)}
        for split, gold in frame.groupby("split", sort=False)["gold"]
    }


def _columns(gold: Sequence[Gold]) -> np.ndarray:
    """(rows, targets)."""
    return np.array(list(gold), dtype=np.float64).reshape(len(gold), -1)


def _spread(values: np.ndarray) -> dict[str, float]:
    lower, middle, upper = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    numbers = {"mean": float(values.mean()), "sd": float(values.std()), "lower_quartile": lower, "median": middle}
    return {"rows": len(values)} | numbers | {"upper_quartile": upper}


def refuse(gold: Sequence[Gold]) -> None:
    """Stop where all training rows have the same numbers."""
    values = _columns(gold)
    if (values == values[0]).all():
        raise InputError(
            f"the {len(gold):,} training rows all have the same number",
            "choose another column with --label COLUMN, or add rows with other numbers",
        )


def check(frame: pd.DataFrame, recipe: Recipe) -> list[Finding]:
    """Findings on numbers; nothing where labels are predicted."""
    if not are_numbers(frame["gold"]):
        return []
    values = _columns(frame["gold"].tolist())
    train = values[(frame["split"] == "train").to_numpy()]
    found = []
    for name, column in zip(positions.answers(recipe.task.names([])), train.T, strict=True):
        share = float(np.unique(column, return_counts=True)[1].max() / len(column))
        if share > MOSTLY:
            what = f"{share:.0%} of the training rows have the same {name}: there is little to learn"
            found.append(Finding("warning", "numbers", what, "add rows with other numbers"))
        low, high = np.quantile(column, (0.25, 0.75))
        far = (column < low - FAR * (high - low)) | (column > high + FAR * (high - low))
        if high > low and far.any():
            what = f"far from all others: {name} of {many(int(far.sum()), 'training row')}"
            hint = "look at them; --set task.error=absolute is less moved by them"
            found.append(Finding("warning", "numbers", what, hint))
    return found + _off_scale(values, getattr(recipe.task, "scale", "none"))


def _off_scale(values: np.ndarray, scale: object) -> list[Finding]:
    if not isinstance(scale, tuple):
        return []
    off = int(((values < scale[0]) | (values > scale[1])).any(axis=1).sum())
    if not off:
        return []
    what = f"off the scale of {scale[0]:g} to {scale[1]:g}, to which predictions are clipped: {many(off, 'row')}"
    return [Finding("warning", "scale", what, "--set task.scale=[LOWEST,HIGHEST], or task.scale=none")]
