"""Scores of many runs by any two recipe keys: mean and standard deviation over everything else that varies."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from ftkit.errors import InputError, did_you_mean
from ftkit.recipe.changes import ENTRIES
from ftkit.search.combinations import PATHS
from ftkit.search.gathering import Entry, Gathered

UNSET = "–"
"""the value of a key that a run's recipe does not have"""
REPEATS = ("seed", "data.split_seed")
"""keys that repeat a run: averaged over, unless asked for"""
FIRST = ("method.name", "data.train", "base", "task.name")
"""what a table is about, where it varies"""
NO_COLUMNS = "none"


@dataclass
class Cell:
    """The runs that share a row and a column."""

    entries: list[Entry] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    """of the metric, one for each run, or for each seed of a run with several"""

    @property
    def mean(self) -> float | None:
        """Of the values; None without any."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """Sample standard deviation; None below two values."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def failed(self) -> int:
        """Runs that failed."""
        return sum(entry.state == "failed" for entry in self.entries)


@dataclass(frozen=True)
class Table:
    """Cells by (row, column); the one column of a table by one key is ""."""

    row_key: str
    column_key: str
    """"" where the table is by one key"""
    metric: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    caption: str
    notes: tuple[str, ...]
    """what a reader must know before comparing"""


def tabulate(found: Gathered, rows: str = "", columns: str = "", metric: str = "") -> Table:
    """The metric (the primary one unless named) by two keys; `columns="none"` asks for a table by one.

    Keys that are not named are chosen: what a sweep varied, else what differs, the method first.
    Raises InputError where there is no run, or for a key or metric that none of them has.
    """
    if not found.entries:
        raise InputError("there are no runs here", "ftkit train FILE --vary method.name=head,lora begins some")
    metric = _metric(found.entries, metric)
    row_key, column_key = _keys(found, rows, columns)
    cells: dict[tuple[str, str], Cell] = {}
    for entry in found.entries:
        place = entry.keys.get(row_key, UNSET), entry.keys.get(column_key, UNSET) if column_key else ""
        cell = cells.setdefault(place, Cell())
        cell.entries.append(entry)
        cell.values += entry.scores.get(metric, [])
    over = _averaged(cells.values(), found, metric)
    caption = f"{metric} on the test rows by {row_key}" + (f" and {column_key}" if column_key else "")
    caption += f": mean ± sd over {', '.join(over)}; n: trainings" if over else ""
    notes = [*_not_counted(found, metric), *_differing_rows(cells, row_key, column_key)]
    row_values, column_values = (_ordered(dict.fromkeys(place[side] for place in cells), found) for side in (0, 1))
    return Table(row_key, column_key, metric, row_values, column_values, cells, caption, tuple(notes))


def short_names(key: str, values: Iterable[str]) -> dict[str, str]:
    """How each value of a key is shown: files by as much of the end of their paths as tells them apart."""
    values = list(values)
    if key not in PATHS:
        return {value: value for value in values}
    for depth in range(1, max((len(PurePath(value).parts) for value in values), default=1)):
        shown = {value: ", ".join(_end(path, depth) for path in value.split(", ")) for value in values}
        if len(set(shown.values())) == len(values):
            return shown
    return {value: value for value in values}


def _end(path: str, depth: int) -> str:
    return "/".join(PurePath(path).parts[-depth:]) if path.startswith("/") else path


def _metric(entries: Sequence[Entry], wanted: str) -> str:
    """The metric asked for, or the one that most runs were chosen by."""
    known = dict.fromkeys(name for entry in entries for name in entry.scores)
    if wanted and known and wanted not in known:
        raise InputError(f"no run has a score called {wanted!r}", did_you_mean(wanted, known))
    primary = Counter(entry.primary for entry in entries if entry.scores)
    return wanted or next((name for name, _ in primary.most_common(1)), "score")


def _keys(found: Gathered, rows: str, columns: str) -> tuple[str, str]:
    """The keys of rows and columns; "" for no columns."""
    known = dict.fromkeys(key for entry in found.entries for key in entry.keys)
    free = [key for key in _candidates(found) if key not in REPEATS]
    column_key = "" if columns in ("", NO_COLUMNS) else _known(columns, known)
    row_key = _known(rows, known) if rows else next((key for key in free if key != column_key), "method.name")
    if not columns:
        column_key = next((key for key in free if not _follows(key, row_key, found)), "")
    if row_key == column_key:
        raise InputError(f"{row_key}: cannot be rows and columns at once", f"--columns {NO_COLUMNS}, or another key")
    return row_key, column_key


def _candidates(found: Gathered) -> list[str]:
    """What a sweep varied, in its order; in any other folder all keys that differ, what tables are about first."""
    if found.varied:
        return list(found.varied)
    known = dict.fromkeys([*FIRST, *(key for entry in found.entries for key in entry.keys)])
    return [key for key in known if len({entry.keys.get(key) for entry in found.entries}) > 1]


def _follows(key: str, row_key: str, found: Gathered) -> bool:
    """Whether a key has one value for each of the row key, as the learning rate may for each method."""
    pairs = {(entry.keys.get(row_key), entry.keys.get(key)) for entry in found.entries}
    return key == row_key or (not found.varied and len(pairs) == len({row for row, _ in pairs}))


def _known(name: str, known: Iterable[str]) -> str:
    """The full key of a name that may be short for it: `lr` for `train.lr`, `method` for `method.name`."""
    wanted = f"{name}.name" if name in ENTRIES and name not in known else name
    near = [wanted] if wanted in known else [key for key in known if key.endswith(f".{name}")]
    if len(near) != 1:
        hint = f"write {' or '.join(near)}" if near else did_you_mean(name, known)
        raise InputError(f"{name}: no run has a recipe key of that name" if not near else f"{name}: which one?", hint)
    return near[0]


def _ordered(values: Iterable[str], found: Gathered) -> tuple[str, ...]:
    """As a sweep was told to vary them; elsewhere numbers by size, then words, 2 before 10."""
    return tuple(values) if found.varied else tuple(sorted(values, key=_place))


def _place(value: str) -> tuple[bool, float, list[tuple[int, str]]]:
    try:
        return False, float(value), []
    except ValueError:
        parts = re.split(r"(\d+)", value)
        return True, 0.0, [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _averaged(cells: Iterable[Cell], found: Gathered, metric: str) -> list[str]:
    """The keys that differ inside a cell."""
    over = dict.fromkeys(
        key for cell in cells for key in _candidates(found) if len({entry.keys.get(key) for entry in cell.entries}) > 1
    )
    if any(len(entry.scores.get(metric, ())) > 1 for entry in found.entries):
        over["seed"] = None
    return list(over)


def _not_counted(found: Gathered, metric: str) -> Iterator[str]:
    """Runs that are in no mean."""
    states = Counter(entry.state for entry in found.entries)
    without = sum(entry.state == "complete" and metric not in entry.scores for entry in found.entries)
    cut = states.total() - states["complete"] - states["failed"]
    counted = {
        "failed": states["failed"],
        "not finished": cut,
        "not begun": found.missing,
        f"without {metric}": without,
    }
    said = [f"{count} {what}" for what, count in counted.items() if count]
    if said:
        yield f"not counted, of {states.total() + found.missing} runs: {', '.join(said)}"
    others = {entry.primary for entry in found.entries if entry.scores} - {metric}
    if others:
        yield f"runs were chosen by {' or '.join(sorted(others))}, not by {metric}"


def _differing_rows(cells: Mapping[tuple[str, str], Cell], row_key: str, column_key: str) -> Iterator[str]:
    """Where the scores beside each other were not computed on the same test rows."""
    tested = {(*place, entry.tested) for place, cell in cells.items() for entry in cell.entries if entry.tested}
    if len({rows for *_, rows in tested}) < 2:
        return
    within = "these runs, so their scores do not compare"
    for side, (key, place) in enumerate(((row_key, "row"), (column_key, "column"))):
        if column_key and len({(one[side], one[2]) for one in tested}) == len({one[side] for one in tested}):
            within = f"the values of {key}, so scores compare only within a {place}"
            break
    yield f"the test rows differ between {within}; one data.test for all runs would mend that"
