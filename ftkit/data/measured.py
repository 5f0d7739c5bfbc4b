"""What was measured in one row: numbers under names, as a table's columns or as pairs such as `id:-72,id:-88`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.items import Item
from ftkit.data.numbers import numbers, words

BETWEEN = re.compile(r"[,;|\s]+")
PAIR = re.compile(r"(.+)[:=]([-+]?\d+(?:\.\d+)?)")
"""an access point and its strength; addresses hold colons themselves, so the last one counts"""
FLOOR = re.compile(
    r"(?:(?:floor|level|etage|f|l)[ _-]*)?(-?\d+)(?:\.0+)?[ _-]*(?:st|nd|rd|th)?[ _-]*(?:floor|f|楼|层)?"
)
CELLAR = re.compile(r"b[ _-]*(\d+)")
GROUND = frozenset({"g", "gf", "ground", "ground floor", "eg", "e"})


class Measured(Item):
    """A row's numbers: its place in the file, a hash of what was measured, and under which names."""

    names: tuple[str, ...]
    """one tuple for all rows of a table of columns"""
    values: np.ndarray
    """(names,) float32; nan where nothing was measured"""

    def __new__(cls, name: str, names: tuple[str, ...], values: np.ndarray, known_as: str = "") -> Measured:
        """`known_as` stands for the names in the hash, where all rows share them."""
        values = np.ascontiguousarray(values, dtype=np.float32)
        spelled = known_as or repr(names)
        made = super().__new__(cls, name, hashlib.sha256(spelled.encode() + values.tobytes()).hexdigest()[:32])
        made.names, made.values = names, values
        return made

    def __getnewargs__(self) -> tuple[str, tuple[str, ...], np.ndarray]:  # type: ignore[override]
        return str(self), self.names, self.values


def block(frame: pd.DataFrame, columns: Sequence[str], missing: float | None) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) float32, nan where empty or `missing`; and (rows,) whether a cell says what is no number."""
    unread = np.zeros(len(frame), dtype=bool)
    values = np.empty((len(frame), len(columns)), dtype=np.float32)
    for place, name in enumerate(columns):
        found = _cast(frame[name])
        if found is None:
            found, unread = numbers(frame[name]), unread | words(frame[name])
        values[:, place] = found
    values[~np.isfinite(values)] = np.nan
    if missing is not None:
        values[values == np.float32(missing)] = np.nan
    return values, unread


def _cast(cells: pd.Series) -> np.ndarray | None:
    """(rows,) float64, five times as fast as pandas reads texts; None where a cell is no plain number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        column = pa.array(cells, from_pandas=True)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
        return np.asarray(pc.cast(column, pa.float64()), dtype=np.float64)
    except pa.ArrowException:
        return None


def pairs(cell: Any, missing: float | None) -> dict[str, float] | None:
    """Name → number of a cell, of a name that is there twice the larger one; None where it holds anything else."""
    if isinstance(cell, Mapping):
        listed = [f"{name}:{value}" for name, value in cell.items() if value is not None]
    elif isinstance(cell, list | tuple | np.ndarray):
        listed = [str(one).strip() for one in cell]
    else:
        listed = [one for one in BETWEEN.split(str(cell).strip()) if one]
    found: dict[str, float] = {}
    for one in listed:
        match = PAIR.fullmatch(one)
        if match is None:
            return None
        name, value = match[1].strip().casefold(), float(match[2])
        if value != missing:
            found[name] = max(value, found.get(name, value))
    return found


def floor_number(cell: Any) -> float | None:
    """The floor that a cell names: `3`, `F3`, `3rd floor`, `B1` (-1), `G` (0); None where it names none."""
    said = str(cell).strip().casefold()
    if said in GROUND:
        return 0.0
    if cellar := CELLAR.fullmatch(said):
        return -float(cellar[1])
    match = FLOOR.fullmatch(said)
    return float(match[1]) if match else None
