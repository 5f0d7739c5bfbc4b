"""Rows that are parts of longer files: labelled intervals, and the windows that footage is cut into."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.data.items import FileItem
from ftkit.errors import InputError, did_you_mean
from ftkit.tasks import _clips, _footage
from ftkit.tasks._files import BadFile, Found, called, digest_of, item_of, opened, root_of
from ftkit.tasks._footage import Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

    from ftkit.data.decoded import Store
    from ftkit.data.embedded import Embedded
    from ftkit.data.table import Table
    from ftkit.tasks._files import Reader
    from ftkit.tasks.video_classification import VideoClassification

START, END = "start", "end"
"""columns of seconds since the file began"""
WHOLE = (0.0, math.inf)
"""bounds of a row that is a whole file"""


def bounds_of(task: VideoClassification, frame: pd.DataFrame) -> tuple[str, str] | None:
    """The columns of a table that say from when to when each clip lasts; None where it has none."""
    from ftkit.data.numbers import words

    if isinstance(task.bounds, tuple):
        return task.bounds if all(name in frame for name in task.bounds) else None
    if START not in frame or END not in frame:
        return None
    return None if any(words(frame[name]).any() for name in (START, END)) else (START, END)


def rows(task: VideoClassification, table: Table, labelled: bool, span_of: Callable[[], float]) -> Table:
    """The table with one row for each window of the files that are cut, and their bounds as columns.

    `span_of` tells the seconds of a window, for which the base is asked where files may be cut.

    Without labels files of two windows or more are cut, unless `step` says otherwise, and whoever gives intervals gets
    one answer to each; with labels files and intervals longer than a window are, and only where there is a step.
    """
    bounds = bounds_of(task, table.frame)
    if labelled and isinstance(task.bounds, tuple) and bounds is None:
        lacking = next(name for name in task.bounds if name not in table.frame)
        raise InputError(
            f"{table.source}: task.bounds: no column {lacking!r}", did_you_mean(lacking, map(str, table.frame))
        )
    if bounds is not None:
        table = replace(table, notes=(*table.notes, f"{bounds[0]}, {bounds[1]}: seconds of each clip within its file"))
    if task.step == "none" or (task.step == "auto" if labelled else bounds is not None):
        return table
    span, stretches = span_of(), _stretches(table.frame, bounds)
    pieces = _pieces(task, table, stretches, span)
    cut = len({row for row, stretch in pieces if stretch != stretches[row]})
    note = f"cut into windows of {span:g} s: {cut:,} of {len(stretches):,}"
    return _cut(table, bounds, pieces, note) if cut else table


def _pieces(
    task: VideoClassification, table: Table, stretches: list[Stretch], span: float
) -> list[tuple[int, Stretch]]:
    """(row, from when to when) of each window; of a row that is not cut, of the row itself."""
    step, least = (task.step, span + 1e-3) if isinstance(task.step, float) else (span, 2 * span)
    root, pieces = root_of(table), list[tuple[int, Stretch]]()
    for row, cell in enumerate(table.frame[task.file].to_list()):
        start, end = stretches[row]
        end = min(end, _length(cell, root)) if end - start >= least else end
        windows = _footage.windows(end - start, span, step) if end - start >= least else []
        pieces += [(row, (start + first, start + last)) for first, last in windows] or [(row, stretches[row])]
    return pieces


def found(task: VideoClassification, table: Table, root: Path, reader: Reader, store: Store) -> Iterator[Found]:
    """What stands behind each row; all parts of a file are decoded in one pass, from when the first of them comes."""
    cells = table.frame[task.file].to_list()
    stretches = _stretches(table.frame, bounds_of(task, table.frame))
    together: dict[Any, dict[int, Stretch]] = {}
    for row, cell in enumerate(cells):
        if stretches[row] != WHOLE:
            together.setdefault(_key(cell), {})[row] = stretches[row]
    known, passing = dict[int, Found](), iter(list[tuple[int, Found]]())
    for row, cell in enumerate(cells):
        if stretches[row] == WHOLE:
            try:
                known[row] = Found(*item_of(cell, root, row + 1, reader, store))
            except BadFile as error:
                known[row] = Found(fault=str(error))
        elif mine := together.pop(_key(cell), None):
            known |= passing  # no two files are open at a time
            passing = _of_file(cell, root, mine, reader, store)
        while row not in known:
            known |= [next(passing)]
        yield known.pop(row)


def _key(cell: Any) -> Any:
    return cell if isinstance(cell, str) else id(cell)


def _stretches(frame: pd.DataFrame, bounds: tuple[str, str] | None) -> list[Stretch]:
    """From when to when each row lasts; a blank is the beginning, or the end, of the file, and NaN is no number."""
    from ftkit.data.numbers import numbers, words

    if bounds is None:
        return [WHOLE] * len(frame)
    columns = []
    for name, blank in zip(bounds, WHOLE, strict=True):
        values = numbers(frame[name])
        columns.append(np.where(np.isnan(values) & ~words(frame[name]), blank, values).tolist())
    return list(zip(*columns, strict=True))


def _length(cell: Any, root: Path) -> float:
    """Seconds of a file; 0 for what `found` will find fault with."""
    try:
        with opened(cell, root) as (_, file):
            return _clips.seconds_of(file)
    except BadFile:
        return 0.0


def _cut(table: Table, bounds: tuple[str, str] | None, pieces: list[tuple[int, Stretch]], note: str) -> Table:
    """The table with these rows, whose bounds are columns of their own or replace those that are there."""
    names = bounds or (START, END)
    if bounds is None and (taken := [name for name in names if name in table.frame]):
        what = f"{table.source}: the windows of long files need the name of its column {taken[0]!r}"
        raise InputError(what, f"{names[0]} and {names[1]} are to be seconds: rename it, or --set task.step=none")
    where = np.array([row for row, _ in pieces])
    frame = table.frame.iloc[where].reset_index(drop=True)
    for side, name in enumerate(names):
        ends = [stretch[side] if stretch != WHOLE else math.inf for _, stretch in pieces]
        cells = [round(end, 3) if end < math.inf else "" for end in ends]
        frame[name] = np.fromiter(cells, dtype=object, count=len(cells))
    return replace(table, frame=frame, lines=table.lines[where], notes=(*table.notes, note))


def _of_file(
    cell: Any, root: Path, stretches: dict[int, Stretch], reader: Reader, store: Store
) -> Iterator[tuple[int, Found]]:
    """(row, what stands behind it) of the parts of a file, as they come; those that are known are not decoded."""
    left = dict(stretches)
    try:
        for row, stretch in stretches.items():
            if fault := _fault(stretch):
                del left[row]
                yield row, Found(fault=fault)
        with opened(cell, root) as (place, file):
            parts = _Parts(called(cell, place, root, min(stretches) + 1), digest_of(file, reader), place, reader.rate)
            remarks = [said] if (said := reader.remark(file)) else []
            for row, stretch in list(left.items()):
                if (array := store.get(parts.digest(stretch))) is not None:
                    yield row, Found(parts.item(left.pop(row), len(array)), remarks)
            assert reader.stretches is not None
            file.seek(0)
            rows = list(left)
            for number, array in reader.stretches(file, list(left.values())):
                stretch = left.pop(rows[number])
                if not len(array):
                    yield rows[number], Found(fault="begins after the end of its file")
                    continue
                store.put(parts.digest(stretch), array)
                yield rows[number], Found(parts.item(stretch, len(array)), remarks)
    except BadFile as error:
        yield from ((row, Found(fault=str(error))) for row in left)


@dataclass(frozen=True)
class _Parts:
    """A file of which parts are rows."""

    name: str
    whole: str
    """what the file is known by"""
    place: Embedded | Path
    rate: float | None

    def digest(self, stretch: Stretch) -> str:
        """What a part is known by."""
        return hashlib.sha256(f"{self.whole} {stretch[0]:.3f} {stretch[1]:.3f}".encode()).hexdigest()[:32]

    def item(self, stretch: Stretch, length: int) -> FileItem:
        """A part as a row."""
        start, end = stretch
        spelled = f"{start:.1f}–{end:.1f} s" if end < math.inf else f"from {start:.1f} s"
        seconds = None if self.rate is None else length / self.rate
        name, digest = f"{self.name}, {spelled}", self.digest(stretch)
        return FileItem(name, digest, self.place, length, seconds, stretch, self.whole)


def _fault(stretch: Stretch) -> str | None:
    start, end = stretch
    if not (math.isfinite(start) and end == end):
        return "start or end that is no number of seconds"
    return None if 0 <= start < end else "end that is not after its start"
