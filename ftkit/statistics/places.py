"""Predicted positions beside true ones: a drawable sample of rows, and how many rows are off by how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._positions import coordinates, errors, floor, is_position

MOST_POINTS = 300
"""rows of a map; the lines of more cover each other"""
SHARES = np.linspace(0.0, 1.0, 101)
"""of rows, at which the error is given"""

Table = dict[str, Any]


def places(adapted: Scored, baselines: Mapping[str, Scored]) -> Table | None:
    """Floors with their points (x, y, predicted x and y, predicted floor), and the error by share of rows.

    None where no position is predicted.
    """
    if not is_position(adapted) or not len(adapted):
        return None
    across, up = coordinates(adapted)[:2]
    level = floor(adapted)
    rows = np.arange(len(adapted))
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST_POINTS])
    floors = np.zeros(len(adapted)) if level is None else adapted.gold[:, level]
    said = floors if level is None else adapted.prediction[:, level]
    ends = np.column_stack([adapted.gold[:, [across, up]], adapted.prediction[:, [across, up]], said])
    return {
        "rows": len(adapted),
        "floors": [
            {
                "name": None if level is None else float(one),
                "rows": int((floors == one).sum()),
                "points": ends[rows][floors[rows] == one].round(3).tolist(),
            }
            for one in np.unique(floors)
        ],
        "curves": {name: _curve(one) for name, one in {"adapted": adapted, **baselines}.items()},
    }


def _curve(scored: Scored) -> list[float]:
    """The error that each of `SHARES` of the rows stays below."""
    found: list[float] = np.quantile(errors(scored), SHARES).round(4).tolist()
    return found
