"""A long table, one row a sample, -> a table of windows: cut within recordings, labelled by majority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.data.names import many
from ftkit.data.numbers import numbers, seconds, words
from ftkit.data.table import BadRow, Table
from ftkit.data.windows import Cut, Grid, Window, cut
from ftkit.errors import InputError

WINDOW, RECORDING = "window", "recording"
"""columns that the table of windows has beside those of the samples"""


@dataclass(frozen=True)
class Samples:
    """How a long table is to be understood."""

    channels: Sequence[str]
    time: str | None
    """column of time stamps; None where samples follow each other evenly"""
    unit: str
    """of time: s, ms, us or ns"""
    recording: Sequence[str]
    """columns that tell recordings apart"""
    label: str | None
    """None where labels are not asked for"""
    label_share: float
    """least share of a window that its commonest label must hold"""
    grid: Grid


def windowed(table: Table, how: Samples) -> Table:
    """One row a window, with the other columns as its first sample has them, and its place in the file.

    What costs windows (a missing value, a gap, a recording that is too short) is a bad row each.
    Windows in which no label holds its share are left out and noted.
    """
    frame = table.frame
    values = np.column_stack([numbers(frame[name]) for name in how.channels])
    unread = np.asarray(np.logical_or.reduce([words(frame[name]) for name in how.channels]), dtype=bool)
    times = _times(table, how)
    cuts: list[tuple[str, Cut]] = []
    bad = list(table.bad)
    for name, rows in recordings(frame, how.recording, times, how.grid.window):
        for found in cut(times[rows], values[rows], how.grid):
            if isinstance(found, Cut):
                cuts.append((name, _moved(found, rows)))
                continue
            row = int(rows[found.sample])
            reason = "sample that is no number" if unread[row] and not np.isfinite(values[row]).all() else found.reason
            bad.append(BadRow(table.source, int(table.lines[row]), reason))
    if not cuts:
        reasons = sorted({one.reason for one in bad}) or ["no samples"]
        hint = f"--set task.window=SECONDS; it is {how.grid.window:g} s now"
        raise InputError(f"{table.source}: holds no window that can be used: {', '.join(reasons[:3])}", hint)
    return _table(table, how, cuts, bad)


def recordings(
    frame: pd.DataFrame, columns: Sequence[str], times: np.ndarray, window: float
) -> list[tuple[str, np.ndarray]]:
    """(name, rows in the order of time) of each recording, in the order of the file.

    Rows of one recording may lie anywhere. Where time falls back by more than a window another one begins.
    """
    if columns:
        keys = frame[list(columns)].astype(str)
        groups = list(keys.groupby(list(columns), sort=False).indices.items())
        named = [(" ".join(key) if isinstance(key, tuple) else str(key), rows) for key, rows in groups]
    else:
        named = [("", np.arange(len(frame)))]
    found = []
    for name, rows in named:
        back = np.flatnonzero(np.diff(times[rows]) < -window) + 1
        pieces = np.split(rows, back)
        for number, piece in enumerate(pieces, 1):
            order = np.argsort(times[piece], kind="stable")  # loggers swap neighbours now and then
            found.append((f"{name} {number}".strip() if len(pieces) > 1 else name, piece[order]))
    return found


def _times(table: Table, how: Samples) -> np.ndarray:
    """(samples,) seconds."""
    if how.time is None:
        return np.arange(len(table.frame)) / how.grid.rate
    return seconds(table.frame[how.time], how.unit)


def _moved(found: Cut, rows: np.ndarray) -> Cut:
    """A cut whose samples are rows of the table."""
    return Cut(found.start, int(rows[found.first]), int(rows[found.stop - 1]), found.values, rows[found.held])


def _table(table: Table, how: Samples, cuts: list[tuple[str, Cut]], bad: list[BadRow]) -> Table:
    first = np.array([one.held[0] for _, one in cuts])
    frame = table.frame.drop(columns=list(how.channels)).iloc[first].reset_index(drop=True)
    stem = table.source.rpartition("/")[2]
    frame[RECORDING] = pd.Series([name or stem for name, _ in cuts], dtype="str")
    window = how.grid.window
    made = [Window(f"{name or stem}, {one.start:.1f}–{one.start + window:.1f} s", one.values) for name, one in cuts]
    frame[WINDOW] = pd.Series(made, dtype=object)
    notes = (*table.notes, f"{many(len(table.frame), 'sample')} cut into {many(len(cuts), 'window')} of {window:g} s")
    keep = np.ones(len(cuts), dtype=bool)
    if how.label is not None:
        labels, shares = _majority(table.frame[how.label], [one for _, one in cuts])
        frame[how.label] = pd.Series(labels, dtype="str")
        keep = shares >= how.label_share - 1e-9
        if not keep.all():
            mixed = f"{int((~keep).sum()):,} of {many(len(cuts), 'window')} left out"
            notes = (*notes, f"{mixed}: no label holds {how.label_share:.0%} of them (task.label_share)")
    if not keep.any():
        hint = "--set task.label_share=0.1, or check the label column"
        raise InputError(f"{table.source}: in no window a label holds {how.label_share:.0%}", hint)
    return Table(
        frame[keep].reset_index(drop=True), table.lines[first][keep], table.source, table.sha256, notes, tuple(bad)
    )


def _majority(cells: pd.Series, cuts: list[Cut]) -> tuple[list[str], np.ndarray]:
    """The commonest label of each window, and its share; samples without a label count for none."""
    codes, names = pd.factorize(cells.astype(str).str.strip(), sort=True)
    blank = {i for i, name in enumerate(names) if not name}
    labels, shares = [], []
    for one in cuts:
        counts = np.bincount(codes[one.held], minlength=len(names)).astype(float)
        counts[list(blank)] = 0
        labels.append(str(names[int(counts.argmax())]))
        shares.append(counts.max() / len(one.held))
    return labels, np.array(shares)
