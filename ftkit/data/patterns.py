"""Columns from file names: `{user}_{execution}_{device}.csv` makes three of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ftkit.data.cells import Cells
from ftkit.data.table import BadRow
from ftkit.errors import InputError
from ftkit.privacy import shown

FIELD = re.compile(r"\{([^{}]+)\}")
COLUMNS = ("file", "path", "image", "audio")
"""columns that may hold the name of a row's file, likeliest first"""


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression; a field never spans `/`, and one named `_` makes no column.

    Raises InputError for a pattern without fields, or with one name twice.
    """
    names = [name for name in FIELD.findall(pattern) if name != "_"]
    if not names or len(set(names)) < len(names):
        what = "has no {field}" if not names else "names a field twice"
        raise InputError(f"data.path: {pattern!r} {what}", "write it like {user}_{execution}.csv")
    parts, last = [], 0
    for number, found in enumerate(FIELD.finditer(pattern)):
        name = "" if found[1] == "_" else f"?P<field{number}>"
        parts += [re.escape(pattern[last : found.start()]), f"({name or '?:'}[^/]+?)"]
        last = found.end()
    return re.compile("".join(parts) + re.escape(pattern[last:]))


def fields(pattern: str) -> list[str]:
    """The names of its fields, in order."""
    return [name for name in FIELD.findall(pattern) if name != "_"]


def matched(pattern: str, names: Sequence[str]) -> list[tuple[str, ...] | None]:
    """The fields of each file name, None for one that does not fit; a pattern without `/` is of the last part."""
    expression = compiled(pattern)
    inside = [name if "/" in pattern else name.rpartition("/")[2] for name in names]
    found = [expression.fullmatch(name) for name in inside]
    return [None if one is None else tuple(one.groupdict().values()) for one in found]


def with_columns(cells: Cells, source: str, pattern: str) -> Cells:
    """The cells with a column for each field; rows of files that do not fit are bad rows, one a file.

    A table without a column of file names is a file itself: it gets one, with its own name.
    """
    column = next((name for name in COLUMNS if name in cells.frame), None)
    if column is None:
        column = COLUMNS[0]
        cells = replace(cells, frame=cells.frame.assign(**{column: source.rpartition("/")[2]}))
    names, place = np.unique(cells.frame[column].astype(str).to_numpy(dtype=object), return_inverse=True)
    found = matched(pattern, names.tolist())
    wrong = [number for number, one in enumerate(found) if one is None]
    if len(wrong) == len(names):
        raise InputError(f"{source}: no file fits data.path {pattern!r}; the first is {shown(names[0])}", "mend it")
    fits = ~np.isin(place, wrong)
    frame = cells.frame[fits].reset_index(drop=True)
    for number, name in enumerate(fields(pattern)):
        values = np.array(["" if one is None else one[number] for one in found], dtype=object)
        frame[name] = pd.Series(values[place[fits]], dtype="str")
    first = {number: int(np.argmax(place == number)) for number in wrong}
    bad = [BadRow(source, int(cells.lines[row]), "file name does not fit data.path") for row in first.values()]
    note = f"columns from file names: {', '.join(fields(pattern))}"
    return Cells(frame, cells.lines[fits], (*cells.notes, note), (*cells.bad, *bad))
