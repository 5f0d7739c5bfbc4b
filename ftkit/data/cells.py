"""What every reader returns, and how columns get their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.data.table import BadRow
from ftkit.errors import InputError


@dataclass(frozen=True)
class Cells:
    """The content of a source, before columns are renamed. The fields are those of `Table`."""

    frame: pd.DataFrame
    lines: np.ndarray
    notes: tuple[str, ...] = ()
    bad: tuple[BadRow, ...] = ()


def numbered(width: int) -> list[str]:
    """Names of columns that have none: column_1, column_2, …"""
    return [f"column_{number}" for number in range(1, width + 1)]


def name_columns(header: Sequence[str], source: str) -> tuple[list[str], list[str]]:
    """Column names from the cells of a header row, and notes on what was changed."""
    names, notes = [cell.strip() for cell in header], []
    if padded := [name for cell, name in zip(header, names, strict=True) if cell != name and name]:
        notes.append(f"header cells were stripped of blanks: {', '.join(padded[:8])}")
    if unnamed := [number for number, name in enumerate(names, 1) if not name]:
        names = [name or f"column_{number}" for number, name in enumerate(names, 1)]
        notes.append(f"columns without a name are called {', '.join(f'column_{number}' for number in unnamed[:8])}")
    refuse_repeated(names, source)
    return names, notes


def refuse_repeated(names: Sequence[str], source: str) -> None:
    """Two columns of one name cannot be told apart in a recipe."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        listed = ", ".join(repr(name) for name in repeated[:8])
        hint = "rename them in the file, or say that it has no header row with --set data.header=false"
        raise InputError(f"{source}: column name used more than once: {listed}", hint)
