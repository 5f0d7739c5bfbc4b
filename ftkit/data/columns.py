"""Columns that a recipe names: whether tables have them, and what the official split column says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ftkit.data import media, names
from ftkit.data.table import Table
from ftkit.errors import Fault, Faults, did_you_mean
from ftkit.privacy import shown
from ftkit.recipe import Recipe

GOLD = "task.label"
"""recipe key of the gold column in every task"""
AUTO = "auto"

SPLITS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "tst"), "test"),
}
"""what a cell of the split column may say: the split that is meant"""


def wanted(recipe: Recipe, labelled: bool = True) -> dict[str, tuple[str, ...]]:
    """Recipe key -> columns that every table must have; what is still `auto` aside."""
    data = recipe.data
    keys = {key: columns for key, columns in recipe.task.columns().items() if labelled or key != GOLD}
    group = "bank.by" if recipe.bank.by is not None else "data.group"  # as it was asked for
    extra = {"data.unit": data.unit, group: data.group, "data.annotator": data.annotator}
    extra |= {"data.folds": data.left_out}
    keys |= {key: (column,) for key, column in extra.items() if column is not None}
    keys |= {"evaluate.slices": tuple(recipe.evaluate.slices)}
    return {key: tuple(column for column in columns if column != AUTO) for key, columns in keys.items()}


def as_trained(table: Table, column: str) -> Table:
    """The listing of a folder, or of a file by itself, with `column` for its files, as the training table called it."""
    if column in table.frame or not media.is_listing(table.source) or media.FILE not in table.frame:
        return table
    return replace(table, frame=table.frame.rename(columns={media.FILE: column}))


def missing(table: Table, keys: Mapping[str, Iterable[str]]) -> list[Fault]:
    """One fault for each column that the table lacks, with the closest one that it has."""
    have = [str(column) for column in table.frame.columns]
    return [
        Fault(table.source, f"{key}: no column {column!r}", _closest(column, have))
        for key, columns in keys.items()
        for column in columns
        if column not in have
    ]


def _closest(column: str, have: list[str]) -> str:
    listed = ", ".join(have[:12]) + (", …" if len(have) > 12 else "")
    for other in have:
        if other.strip().casefold() == column.strip().casefold():
            return f"did you mean {other}? It has {listed}"
    near = did_you_mean(column, have)
    return f"{near} It has {listed}" if near.startswith("did you mean") else f"it has {listed}"


def find_split(frame: pd.DataFrame, taken: Iterable[str]) -> str | None:
    """A column that holds the official split: called split, set or fold, with nothing but names of splits."""
    for column in frame.columns:
        if column in set(taken) or str(column).strip().casefold() not in names.SPLIT:
            continue
        values = set(frame[column].astype(str).str.strip().str.casefold().unique())
        meant = {SPLITS.get(value, "") for value in values}
        if len(meant) > 1 and "" not in meant and "train" in meant:
            return str(column)
    return None


def official_split(table: Table, column: str) -> tuple[np.ndarray, list[Fault]]:
    """(rows,) train | validation | test, and a fault where the column says anything else."""
    cells = table.frame[column].astype(str).str.strip().str.casefold()
    unknown = [value for value in cells.unique() if value not in SPLITS]
    faults = []
    if unknown:
        some = ", ".join(shown(value) for value in unknown[:3]) + (", …" if len(unknown) > 3 else "")
        what = f"data.split: column {column!r} has {len(unknown)} values that name no split ({some})"
        faults.append(Fault(table.source, what, "use train, validation and test, or leave out data.split"))
    return cells.map(lambda value: SPLITS.get(value, "train")).to_numpy(dtype=object), faults


def groups(table: Table, by: str) -> list[str | None]:
    """The group of each row, None where it is blank; raises Faults where the table lacks their column."""
    if faults := missing(table, {"bank.by": (by,)}):
        raise Faults(faults)
    return plain(table.frame, by)


def plain(frame: pd.DataFrame, column: str | None) -> list[str | None]:
    """A column as plain text, None where it is blank or not given."""
    if column is None:
        return [None] * len(frame)
    return [cell.strip() or None for cell in frame[column].astype(str)]
