"""Values of a table as Python's own, and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.embedded import Embedded
from ftkit.data.records import cell

CHUNK = 20_000  # rows that are held as text at a time


def chunks(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The frame in pieces that may be held as text."""
    for start in range(0, len(frame), CHUNK):
        yield frame.iloc[start : start + CHUNK]


def texts(column: pd.Series) -> list[str]:
    """Every cell of a column as text."""
    return [value if isinstance(value, str) else text_of(value) for value in values(column)]


def values(column: Any) -> list[Any]:
    """Python's values of a column or array; floats of 32 bits keep their short text, 0.1."""
    if column.dtype.kind == "f" and column.dtype.itemsize < 8 and column.ndim == 1:
        return [float(str(value)) for value in np.asarray(column)]
    found: list[Any] = column.tolist()
    return found


def text_of(value: Any) -> str:
    """A value as text; what has parts, as JSON."""
    found = cell(plain(value))
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)


def plain(value: Any) -> Any:
    """A value without numpy's types, and None for what is missing; of a file in a table, its name."""
    if isinstance(value, Embedded):
        return value.name or None
    if isinstance(value, np.ndarray):
        value = values(value)
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | set | frozenset):
        value = sorted(value) if isinstance(value, set | frozenset) else list(value)
    return None if value is pd.NaT or value is pd.NA or value != value else value
