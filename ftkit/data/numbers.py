"""Text cells as numbers and as moments in time; what cannot be read is nan, never an error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""unit of time -> seconds"""
USUAL = (1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 32.0, 40.0, 50.0, 64.0, 100.0, 128.0, 200.0, 250.0, 500.0, 1000.0)
"""Hz, of sensors"""
NOTHING = ("", "nan", "null", "none", "na", "n/a", "-")
"""what stands for a value that is missing, in lower case"""


def numbers(cells: pd.Series) -> np.ndarray:
    """(rows,) float64; nan where a cell is empty or no number."""
    found: np.ndarray = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    return found


def words(cells: pd.Series) -> np.ndarray:
    """(rows,) bool: whether a cell says something that is neither a number nor a sign for a missing one."""
    unread = np.isnan(numbers(cells))
    said = cells.astype(str).str.strip().str.lower()
    meant: np.ndarray = unread & ~said.isin(NOTHING).to_numpy()
    return meant


def seconds(cells: pd.Series, unit: str) -> np.ndarray:
    """(rows,) float64: time stamps as seconds; numbers in `unit`, and dates as ISO 8601 writes them."""
    found = numbers(cells)
    if len(found) and np.isnan(found).mean() > 0.5:
        dates = pd.to_datetime(cells.astype(str), errors="coerce", utc=True, format="ISO8601")
        return np.where(dates.isna(), np.nan, dates.astype("int64").to_numpy() / 1e9)
    return found * SECONDS[unit]


def unit_of(name: str, cells: pd.Series) -> tuple[str, str]:
    """The unit that time stamps are in, and why: by the column's name, else by their size and their steps."""
    last = str(name).lower().replace("-", "_").rpartition("_")[2]
    if last in SECONDS:
        return last, f"the name {name}"
    found = numbers(cells)
    found = found[np.isfinite(found)]
    if not len(found):
        return "s", "dates"
    size = float(np.median(np.abs(found)))
    for unit, epoch in (("ns", 1e18), ("us", 1e15), ("ms", 1e12), ("s", 1e9)):
        if epoch <= size < epoch * 10:  # the years 2001 to 2286 since 1970
            return unit, "stamps that count from 1970"
    steps = np.diff(found)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    # sensors give some 5 to 2,000 samples a second
    unit = "s" if step < 0.5 else "ms" if step < 500 else "us" if step < 500_000 else "ns"
    return unit, f"steps of {step:g}"


def rate_of(times: np.ndarray, breaks: np.ndarray) -> float:
    """Samples a second, from the mean step within recordings; `breaks` (rows - 1,) are steps between two of them.

    A usual rate where one is within a tenth, so that two recordings of one sensor agree; else two digits. The mean
    step, not the median: many loggers write several samples at once.
    """
    steps = np.diff(times)[~breaks]
    steps = steps[np.isfinite(steps) & (steps >= 0)]
    if not len(steps) or not (steps > 0).any():
        return 0.0
    usual = steps[steps <= 20 * np.median(steps[steps > 0])]  # without pauses
    found = float(1 / usual.mean())
    nearest = min(USUAL, key=lambda rate: abs(np.log(rate / found)))
    return nearest if abs(nearest / found - 1) <= 0.1 else float(f"{found:.2g}")


def lists(cells: Sequence[object]) -> list[np.ndarray | None]:
    """Cells that hold lists, as float64 arrays; None for one that is no list, or holds what is no number."""
    found: list[np.ndarray | None] = []
    for cell in cells:
        try:
            array = np.asarray(cell, dtype=np.float64) if isinstance(cell, list | tuple | np.ndarray) else None
        except (TypeError, ValueError):
            array = None
        found.append(array if array is not None and array.ndim == 1 else None)
    return found
