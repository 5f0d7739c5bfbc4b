"""From the columns of a table to windows, for tasks of series: what is decided once, and what each row holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ftkit.data import guess_series, names
from ftkit.data.numbers import SECONDS, lists, numbers, rate_of, seconds, unit_of, words
from ftkit.data.samples import RECORDING, WINDOW
from ftkit.data.windows import Window, at
from ftkit.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from ftkit.data.table import Table
    from ftkit.tasks.series_classification import SeriesClassification

    Task = TypeVar("Task", bound=SeriesClassification)

PEOPLE = 10
"""people from which windows are split by person without being asked to: fewer give no interval"""
EMPTY, UNEQUAL = "window without samples", "channels of unequal length"
NO_NUMBER, MISSING = "sample that is no number", "window with a missing value (NaN)"
BACKWARDS = "time stamps run backwards"


def settled(task: Task, table: Table) -> Task:
    """The task with unit of time, recordings, rate, window and step decided."""
    known: dict[str, Any] = {}
    frame = table.frame
    timed = task.time != "none" and task.time in frame
    if timed and task.time_unit == "auto":
        cells = frame[task.time] if task.layout == "long" else frame[task.time].iloc[:1].explode()
        known["time_unit"] = unit_of(task.time, cells)[0]
    elif task.time_unit == "auto":
        known["time_unit"] = "s"
    task = task.model_copy(update=known)
    if task.layout != "long":
        return task
    if task.recording == "auto":
        label = task.label if isinstance(task.label, list) else [task.label]
        taken = {*task.channels, *label, task.time}
        known["recording"] = guess_series.steady(frame, taken)
    task = task.model_copy(update=known)
    if absent := [name for name in task.recording if name not in frame]:
        hint = did_you_mean(absent[0], map(str, frame))
        raise InputError(f"{table.source}: task.recording: no column {absent[0]!r}", hint)
    rate = task.rate if task.rate != "auto" else _rate(task, table, timed)
    window = 2.0 if task.window == "auto" else float(task.window)
    step = window / 2 if task.step == "auto" else float(task.step)
    return task.model_copy(update={"rate": float(rate), "window": window, "step": step})


def _rate(task: Task, table: Table, timed: bool) -> float:
    if not timed:
        raise InputError(f"{table.source}: how many samples a second?", "--set task.rate=HZ, or task.time=COLUMN")
    frame = table.frame
    breaks = np.zeros(max(0, len(frame) - 1), dtype=bool)
    for name in task.recording:
        cells = frame[name].astype(str).to_numpy(dtype=object)
        breaks |= cells[1:] != cells[:-1]
    found = rate_of(seconds(frame[task.time], task.time_unit), breaks)
    if not found:
        what = f"{table.source}: no rate can be told from column {task.time!r}"
        raise InputError(what, "--set task.rate=HZ, or another task.time")
    return found


def unit(layout: str, table: Table) -> tuple[str, str] | None:
    """The column whose rows hang together, and why it is taken."""
    if layout == "long":
        return RECORDING, "windows of one recording may overlap, so each recording stays on one side of every split"
    for name in map(str, table.frame):
        if names.says(name, names.UNIT) and table.frame[name].astype(str).nunique() >= PEOPLE:
            return name, f"windows of one {name} stay on one side of every split; --unit COLUMN says otherwise"
    return None


def windows(
    layout: str, channels: list[str], time: str, unit: str, table: Table
) -> tuple[list[Window | None], list[str | None]]:
    """The window of each row, and what is wrong with it."""
    if WINDOW in table.frame and layout == "long":
        made = table.frame[WINDOW].to_list()
        return made, [None] * len(made)
    stem = table.source.rpartition("/")[2]
    found = _wide(channels, table) if layout == "wide" else _listed(channels, time, unit, table)
    out: list[Window | None] = []
    faults: list[str | None] = []
    for line, (values, fault) in zip(table.lines, found, strict=True):
        out.append(None if values is None else Window(f"{stem}:{line}", values))
        faults.append(fault)
    return out, faults


def _wide(channels: list[str], table: Table) -> list[tuple[np.ndarray | None, str | None]]:
    groups = guess_series.numbered([str(name) for name in table.frame])
    if missing := [name for name in channels if name not in groups]:
        have = ", ".join(groups) or "none"
        raise InputError(f"{table.source}: no numbered columns {missing[0]}_0, …; it has {have}", "check task.channels")
    if len({len(groups[name]) for name in channels}) > 1:
        what = f"{table.source}: channels of unequal numbers of columns"
        raise InputError(what, "name those that belong together with task.channels")
    taken = [[table.frame[column] for column in groups[name]] for name in channels]
    block = np.stack([np.column_stack([numbers(cells) for cells in some]) for some in taken], axis=2)
    unread = np.asarray(np.logical_or.reduce([words(cells) for some in taken for cells in some]), dtype=bool)
    return [
        (values, None) if np.isfinite(values).all() else (None, NO_NUMBER if word else MISSING)
        for values, word in zip(block, unread, strict=True)
    ]


def _listed(channels: list[str], time: str, unit: str, table: Table) -> list[tuple[np.ndarray | None, str | None]]:
    columns = [lists(table.frame[name].to_list()) for name in channels]
    stamps = lists(table.frame[time].to_list()) if time != "none" else [None] * len(table.frame)
    timed = time != "none"
    rows = zip(zip(*columns, strict=True), stamps, strict=True)
    return [_row(cells, moments, timed, SECONDS[unit]) for cells, moments in rows]


def _row(
    cells: tuple[np.ndarray | None, ...], moments: np.ndarray | None, timed: bool, unit: float
) -> tuple[np.ndarray | None, str | None]:
    """(time, channels) of one row in even steps, or what is wrong with it."""
    found = [one for one in cells if one is not None]
    if len(found) < len(cells) or (timed and moments is None):
        return None, NO_NUMBER
    several = found + ([moments] if moments is not None else [])
    if len({len(one) for one in several}) > 1:
        return None, UNEQUAL
    if len(found[0]) < 2:
        return None, EMPTY
    values = np.column_stack(found)
    if not np.isfinite(np.concatenate(several)).all():
        return None, MISSING
    if moments is None:
        return values, None
    times = moments * unit
    if (np.diff(times) < 0).any():
        return None, BACKWARDS
    if times[-1] <= times[0]:
        return None, "time stamps that are all the same"
    return at(times, values, np.linspace(times[0], times[-1], len(times))), None
