"""From the columns of a table to numbers under names, for the task of vectors: settled once, and read from each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.data import guess_vector
from ftkit.data.guess_vector import spelled_out
from ftkit.data.measured import Measured, block, floor_number, pairs
from ftkit.data.numbers import numbers
from ftkit.errors import InputError
from ftkit.tasks import _valued

if TYPE_CHECKING:
    import pandas as pd

    from ftkit.data.table import Gold, Table
    from ftkit.tasks.vector_regression import VectorRegression as Task

NO_NUMBER, TEXT = "no number", "text in a column of numbers"
SILENT, NO_PAIRS = "nothing measured", "no pairs of a name and a number"
NO_FLOOR, UNKNOWN_FLOOR = "no floor", "unknown floor"
ABSENT = "a column that training had is not in the file, and counts as not measured"
NORTH, EAST = 110_574.0, 111_320.0
"""metres of a degree of latitude, and of longitude at the equator"""
INDOORS = 0.05
"""degrees (about 5 km) within which a survey lies; in metres no room is as small as that"""
PLACES, READINGS = 10, 2
"""places at least that are kept whole in splits, and readings at each on average"""


def settled(task: Task, table: Table) -> Task:
    """The task with columns, floors, what stands for nothing, and unit decided.

    Raises InputError where a column cannot be chosen, and where coordinates look like degrees.
    """
    frame = table.frame
    task = _with_columns(task, table)
    labels = task.label_columns
    if any(name not in frame for name in labels) or (task.floor != "none" and task.floor not in frame):
        return task  # said of all files together
    known: dict[str, Any] = {}
    if task.missing == "auto":
        known["missing"] = _missing(task, frame)
    if task.position is True:
        if not 2 <= len(labels) <= 3:
            what = f"{table.source}: a position has 2 or 3 coordinates, and task.label names {len(labels)}"
            raise InputError(what, "--set 'task.label=[X,Y]', or task.position=false for numbers of any kind")
        known |= {"scale": "none", "unit": task.unit if task.unit != "auto" else _unit(labels, table)}
        if known["unit"] == "degrees" and task.origin is None:
            known["origin"] = tuple(round(float(np.nanmedian(numbers(frame[name]))), 3) for name in labels[:2])
        if task.floor != "none" and task.floors == "auto":
            found = {floor_number(cell) for cell in frame[task.floor].unique()} - {None}
            known["floors"] = sorted(one for one in found if one is not None)
    else:
        known["scale"] = task.scale_of(table)
    return task.model_copy(update=known)


def _with_columns(task: Task, table: Table) -> Task:
    frame = table.frame
    found = guess_vector.guess_vectors(frame)
    known: dict[str, Any] = {}
    if task.label == "auto" and found:
        known["label"] = list(found.label)
    labels = known.get("label") or task.label_columns
    named = {guess_vector.plain(name) for name in labels}
    if task.position == "auto":
        known["position"] = bool(named & guess_vector.ACROSS and named & guess_vector.UP)
    if task.floor == "auto":
        known["floor"] = (found.floor if found and known.get("position", task.position) else None) or "none"
    if task.inputs == "auto":
        known |= _inputs(task, frame, {*labels, known.get("floor", task.floor)}, found)
    elif task.layout == "auto":
        known["layout"] = "columns"
        if len(task.inputs) == 1 and task.inputs[0] in frame:
            known["layout"] = "columns" if guess_vector.is_numeric(frame[task.inputs[0]]) else "pairs"
    task = task.model_copy(update=known)
    missing = [key for key in ("label", "inputs") if not getattr(task, key) or getattr(task, key) == "auto"]
    if missing:
        columns = ", ".join(map(str, frame.columns[:12]))
        hint = "--label COLUMN" if missing[0] == "label" else "--set 'task.inputs=[COLUMN,…]', or a pattern, AP*"
        raise InputError(f"{table.source}: which is the {missing[0]}? It has {columns}", hint)
    return task


def _inputs(task: Task, frame: pd.DataFrame, taken: set[str], found: guess_vector.Vectors | None) -> dict[str, Any]:
    if found and not taken & set(found.inputs):
        names, layout = list(found.inputs), found.layout
    else:
        rest = frame.drop(columns=[name for name in taken if name in frame])
        numeric = [str(name) for name in rest if guess_vector.is_numeric(rest[name])]
        names, layout = guess_vector.radio(rest, numeric) or numeric, "columns"
    return {"inputs": guess_vector.shortened(names, frame), "layout": layout if task.layout == "auto" else task.layout}


def _missing(task: Task, frame: pd.DataFrame) -> float | str:
    """What stands for not measured in the training table."""
    if task.layout == "pairs":
        several = [pairs(cell, None) or {} for cell in frame[task.inputs[0]].iloc[:2000]]
        values = np.array([value for one in several for value in one.values()])
    else:
        names, _ = spelled_out(task.inputs, list(map(str, frame)))
        values, _ = block(frame.iloc[:: max(1, len(frame) // 2000)], names, None) if names else (np.zeros(0), None)
    found = guess_vector.not_heard(values)
    return "none" if found is None else found


def _unit(labels: tuple[str, ...], table: Table) -> str:
    """Metres; coordinates that look like degrees are asked about."""
    values = np.column_stack([numbers(table.frame[name]) for name in labels[:2]])
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return "m"
    on_earth = bool((np.abs(values) <= [180.0, 90.0]).all() or (np.abs(values) <= [90.0, 180.0]).all())
    named = all(guess_vector.plain(name) in guess_vector.DEGREES for name in labels[:2])
    spread = values.max(axis=0) - values.min(axis=0)
    narrow = bool((spread < INDOORS).all() and (spread > 0).any())
    if not on_earth or not (named or narrow):
        return "m"
    latitude = _latitude(labels, values) if named else float(values[:, 1].mean())
    east = EAST * float(np.cos(np.radians(latitude)))
    what = f"{table.source}: {labels[0]} and {labels[1]} look like degrees, and errors are measured in metres"
    hint = (
        f"--set task.unit=degrees turns them into metres ({EAST:,.0f} m · cos(latitude) = {east:,.0f} m a degree of "
        f"longitude, {NORTH:,.0f} m of latitude), or --set task.unit=m if they are metres"
    )
    raise InputError(what, hint)


def _latitude(labels: tuple[str, ...], values: np.ndarray) -> float:
    place = next(i for i, name in enumerate(labels[:2]) if guess_vector.plain(name) in guess_vector.UP)
    return float(values[:, place].mean())


def measured(task: Task, table: Table) -> tuple[list[Measured | None], list[str | None], dict[str, int]]:
    """What was measured in each row, what is wrong with it, and what was done to rows that are used all the same.

    Raises InputError for a table without any of the columns.
    """
    stem = table.source.rpartition("/")[2]
    places = [f"{stem}:{line}" for line in table.lines]
    missing = None if isinstance(task.missing, str) else float(task.missing)
    if task.layout == "pairs":
        several = [pairs(cell, missing) for cell in table.frame[task.inputs[0]]]
        faults = [NO_PAIRS if one is None else None if one else SILENT for one in several]
        rows = [
            Measured(place, tuple(sorted(one)), np.array([one[name] for name in sorted(one)])) if one else None
            for place, one in zip(places, several, strict=True)
        ]
        return rows, faults, {}
    names, absent = spelled_out(task.inputs, list(map(str, table.frame)))
    if not names:
        what = f"{table.source}: has none of the columns to predict from ({', '.join(task.inputs[:5])})"
        raise InputError(what, "check task.inputs")
    values, unread = block(table.frame, names, missing)
    silent = np.isnan(values).all(axis=1)
    called = tuple(f"{task.site}/{name}" if task.site else name for name in names)
    known_as = repr(called)
    kept = ~(silent | unread)
    rows = [
        Measured(place, called, one, known_as) if good else None
        for place, one, good in zip(places, values, kept, strict=True)
    ]
    faults = [TEXT if word else SILENT if nothing else None for word, nothing in zip(unread, silent, strict=True)]
    return rows, faults, {ABSENT: len(rows)} if absent else {}


def gold(task: Task, table: Table) -> tuple[list[Gold], list[str | None]]:
    """The numbers to predict of each row, the floor last, and what is wrong with it."""
    columns = [_valued.numbers(table.frame[name].to_list()) for name in task.label_columns]
    rows: list[Any] = [None if None in row else row for row in zip(*columns, strict=True)]
    faults: list[str | None] = [NO_NUMBER if row is None else None for row in rows]
    if task.position is not True:
        return rows, faults
    rows = [None if row is None else in_metres(task, row) for row in rows]
    if task.floor == "none":
        return rows, faults
    floors = [floor_number(cell) for cell in table.frame[task.floor]]
    known = set(task.floors)
    for place, floor in enumerate(floors):
        if floor is None or floor not in known:
            faults[place] = faults[place] or (NO_FLOOR if floor is None else UNKNOWN_FLOOR)
            rows[place] = None
        elif rows[place] is not None:
            rows[place] = (*rows[place], floor)
    return rows, faults


def in_metres(task: Task, row: tuple[float, ...]) -> tuple[float, ...]:
    """Coordinates as they are; degrees as metres from `origin`, on a plane that touches the earth there."""
    if task.unit != "degrees" or task.origin is None:
        return row
    up = [guess_vector.plain(name) in guess_vector.UP for name in task.label_columns[:2]]
    latitude = task.origin[up.index(True) if True in up else 1]
    metres = [NORTH if one else EAST * float(np.cos(np.radians(latitude))) for one in up]
    turned = zip(row[:2], task.origin, metres, strict=True)
    return (*((value - start) * size for value, start, size in turned), *row[2:])


def places(task: Task, frame: pd.DataFrame) -> np.ndarray:
    """(rows,) the place of each reading, spelled out."""
    columns = [*task.label_columns, *([task.floor] if task.floor != "none" else [])]
    named: np.ndarray = frame[columns].astype(str).agg(" ".join, axis=1).to_numpy(dtype=object)
    return named


def repeat(cells: pd.Series) -> bool:
    """Whether places have several readings each, and are enough for intervals."""
    return PLACES <= cells.nunique() <= len(cells) / READINGS
