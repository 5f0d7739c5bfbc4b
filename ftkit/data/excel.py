"""Excel workbooks -> cells: the fullest sheet, past its title lines, as text."""

from __future__ import annotations

import datetime
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.cells import Cells, name_columns, numbered
from ftkit.data.header import is_header
from ftkit.errors import InputError, did_you_mean
from ftkit.privacy import shown
from ftkit.recipe import Data

TITLES = 20  # rows above the header at most


@dataclass(frozen=True)
class _Sheet:
    name: str
    number: int  # from 1
    hidden: bool
    rows: list[tuple[int, list[str]]]  # (row number in the sheet, cells), empty rows left out, all of one width

    @property
    def filled(self) -> int:
        """Cells with content."""
        return sum(bool(cell) for _, row in self.rows for cell in row)


def read(raw: bytes, source: str, data: Data) -> Cells:
    """Rows of one sheet. Formulas give the value that Excel last computed."""
    names, sheet = _open(raw, source, data.sheet)
    if not sheet.rows:
        what = f"sheet {sheet.name!r} is empty" if data.sheet is not None else "is empty: no sheet has rows"
        raise InputError(f"{source}: {what}", "give a workbook with rows")
    place = _header_place(sheet, source, data)
    note = f"sheet {sheet.name!r} ({sheet.number} of {names})"
    if place is None:
        body, columns = sheet.rows, numbered(len(sheet.rows[0][1]))
        notes = [note, f"no header row: columns are named {', '.join(columns[:8])}"]
    else:
        number, header = sheet.rows[place]
        columns, changes = name_columns(header, source)
        body = sheet.rows[place + 1 :]
        above = f", {place} title row{'s' if place > 1 else ''} above it skipped" if place else ""
        notes = [f"{note}, header in row {number}{above}", *changes]
    cells = [[row[column] for _, row in body] for column in range(len(columns))]
    frame = pd.DataFrame(dict(zip(columns, cells, strict=True)), dtype="str")
    return Cells(frame, np.array([number for number, _ in body], dtype=np.int64), tuple(notes))


def _open(raw: bytes, source: str, wanted: str | int | None) -> tuple[int, _Sheet]:
    """How many sheets there are, and the one to read."""
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formatting that it does not know, which is not read anyway
            book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
            sheets = [(number, sheet) for number, sheet in enumerate(book.worksheets, 1)]
            if wanted is not None:
                sheets = [_named(sheets, source, wanted)]
            total, best = len(book.worksheets), None
            for number, sheet in sheets:
                read = _rows(sheet, number)
                if best is None or (not read.hidden, read.filled) > (not best.hidden, best.filled):
                    best = read
            book.close()
    except InputError:
        raise
    except Exception as error:  # a damaged workbook makes openpyxl raise anything, from KeyError to XML errors
        hint = "open it in Excel and save it again as .xlsx"
        raise InputError(
            f"{source}: cannot be read as an Excel workbook ({type(error).__name__}: {shown(error)})", hint
        ) from error
    if best is None:
        raise InputError(f"{source}: the workbook has no sheet with cells", "give a workbook with rows")
    return total, best


def values(raw: bytes, source: str, data: Data, lines: np.ndarray) -> list[list[Any]]:
    """The columns of the sheet that `read` takes, at these rows: numbers and dates as Excel holds them."""
    from openpyxl import load_workbook

    _, sheet = _open(raw, source, data.sheet)
    width = len(sheet.rows[0][1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        found = book.worksheets[sheet.number - 1]
        found.reset_dimensions()
        rows = {place: row for place, row in enumerate(found.iter_rows(values_only=True), 1)}
        book.close()
    wanted = [list(rows[int(line)][:width]) for line in lines]
    return [[row[column] if column < len(row) else None for row in wanted] for column in range(width)]


def _named(sheets: list[tuple[int, Any]], source: str, wanted: str | int) -> tuple[int, Any]:
    for number, sheet in sheets:
        if wanted in (number, sheet.title):
            return number, sheet
    names = [sheet.title for _, sheet in sheets]
    hint = did_you_mean(wanted, names) if isinstance(wanted, str) else f"it has {', '.join(names[:8])}"
    raise InputError(f"{source}: no sheet {wanted!r} among {len(names)}", hint)


def _rows(sheet: Any, number: int) -> _Sheet:
    """Rows with content, as text, padded to the width of the widest."""
    sheet.reset_dimensions()  # some programs write a wrong size, and rows beyond it would be lost
    rows = []
    for place, values in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [_text(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            rows.append((place, cells))
    width = max((len(cells) for _, cells in rows), default=0)
    padded = [(place, cells + [""] * (width - len(cells))) for place, cells in rows]
    return _Sheet(sheet.title, number, sheet.sheet_state != "visible", padded)


def _text(value: object) -> str:
    """A cell roughly as Excel shows it: integers without ".0", dates as 2024-03-01."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return format(value, ".15g")  # Excel has 15 digits: 0.1 + 0.2 is 0.3 there
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.time):
        return value.isoformat(timespec="seconds")
    return str(value).encode("utf-8", "replace").decode("utf-8")  # XML can hold half a surrogate pair


def _header_place(sheet: _Sheet, source: str, data: Data) -> int | None:
    """Place of the header among the rows; None where there is none."""
    if data.header is False:
        return None
    if data.header is True:
        return 0
    if data.header != "auto":
        for place, (number, _) in enumerate(sheet.rows):
            if number == data.header:
                return place
        raise InputError(f"{source}: row {data.header} of sheet {sheet.name!r} is empty", "check data.header")
    rows = [cells for _, cells in sheet.rows]
    for place, cells in enumerate(rows[: TITLES + 1]):
        below = rows[place + 1 : place + 201]
        if _spans(cells, below):
            return place if is_header(cells, below, prior=1.0) else None
    return None


def _spans(cells: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row fills most of the table's width, which a title does not."""
    counts = sorted(sum(map(bool, row)) for row in below)
    usual = counts[len(counts) // 2] if counts else 1
    return sum(map(bool, cells)) >= max(1, 0.6 * usual)
