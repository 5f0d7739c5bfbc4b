"""Delimited text (CSV, TSV, TXT) -> cells, with the exact line of every row, good or bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ftkit.data.cells import Cells
from ftkit.data.dialect import Dialect, detect, line_ends
from ftkit.data.quoting import quotes_against
from ftkit.data.table import BadRow
from ftkit.errors import InputError
from ftkit.privacy import shown
from ftkit.recipe import Data

_Ragged = tuple[int, int, int, bool]  # record number from 1, cells, line ends inside, blank
BLOCK = 8 << 20  # bytes that are parsed at a time; a row may be longer


@dataclass(frozen=True)
class _Parsed:
    table: pa.Table  # good rows; cells are null where nothing at all was written
    lines: np.ndarray  # (good rows,) line that each starts in
    ragged: list[tuple[int, int]]  # (line, cells)
    spread: bool  # whether a cell holds a line end


def read(text: bytes, source: str, data: Data, suffix: str = "") -> Cells:
    """Rows of UTF-8 text; ragged lines are bad rows, never filled up, and blank lines are no rows."""
    dialect = detect(text, source, data, suffix)
    parsed = _parse(text, source, dialect)
    if dialect.quoting and data.quoting == "auto" and (parsed.ragged or parsed.spread):
        dialect, parsed = _without_quotes(text, source, dialect, parsed)
    notes = list(dialect.notes)
    table, lines = _drop_empty(parsed, notes)
    width = len(dialect.names)
    bad = [
        BadRow(source, line, f"ragged line: {cells} {'cell' if cells == 1 else 'cells'} where {width} are expected")
        for line, cells in parsed.ragged
    ]
    return Cells(table.to_pandas(), lines, tuple(notes), tuple(bad))


def _without_quotes(text: bytes, source: str, dialect: Dialect, parsed: _Parsed) -> tuple[Dialect, _Parsed]:
    """The reading with quoting off, if a quote past the sample opens and swallows lines; else what was given."""
    against = quotes_against(text, dialect.offset, dialect.delimiter)
    if not against:
        return dialect, parsed
    plain = replace(dialect, quoting=False, notes=(*dialect.notes, "quoting: off, double quotes are plain characters"))
    other = _parse(text, source, plain)
    return (plain, other) if len(other.ragged) - len(parsed.ragged) < against else (dialect, parsed)


def _parse(text: bytes, source: str, dialect: Dialect) -> _Parsed:
    bad: list[_Ragged] = []

    def note(row: csv.InvalidRow) -> str:
        bad.append((row.number, row.actual_columns, line_ends(row.text), not row.text.strip()))
        return "skip"

    table = _table(text, source, dialect, note)
    inside, spread = _breaks_inside(table, text, dialect.offset, len(bad) + sum(count for _, _, count, _ in bad))
    records = table.num_rows + len(bad)
    breaks = np.zeros(records, dtype=np.int64)  # line ends inside each record
    where = np.array([number - 1 for number, *_ in bad], dtype=np.int64)
    breaks[where] = [count for _, _, count, _ in bad]
    good = np.ones(records, dtype=bool)
    good[where] = False
    breaks[good] = inside
    starts = dialect.line + np.arange(records) + np.cumsum(breaks) - breaks
    ragged = [(int(starts[number - 1]), cells) for number, cells, _, blank in bad if not blank]
    return _Parsed(table, starts[good], ragged, spread)


def _table(text: bytes, source: str, dialect: Dialect, note: Callable[[csv.InvalidRow], str]) -> pa.Table:
    """pyarrow's reading of all rows; one thread, because only then does it number the rows it hands to `note`."""
    body = pa.py_buffer(text).slice(dialect.offset)
    parse = csv.ParseOptions(
        delimiter=dialect.delimiter or _unused(text, source),
        quote_char='"' if dialect.quoting else False,
        newlines_in_values=dialect.quoting,
        ignore_empty_lines=False,  # else it skips them without saying where
        invalid_row_handler=note,
    )
    options = csv.ReadOptions(column_names=dialect.names, use_threads=False, block_size=BLOCK)
    convert = csv.ConvertOptions(
        check_utf8=False,  # already done
        column_types={name: pa.large_string() for name in dialect.names},
        strings_can_be_null=True,  # null: nothing was written, which "" in quotes is not
        null_values=[""],
        quoted_strings_can_be_null=False,
    )
    if not body.size:
        return pa.table({name: pa.array([], pa.large_string()) for name in dialect.names})
    try:
        return csv.read_csv(pa.BufferReader(body), options, parse, convert)
    except pa.ArrowInvalid as error:
        hint = "look for a double quote that is never closed, or read it with --set data.quoting=off"
        raise InputError(f"{source}: cannot be cut into rows: {shown(error, 200)}", hint) from None


def _unused(text: bytes, source: str) -> str:
    """A delimiter for one column: a character that the text does not hold."""
    for code in (*range(0x1F, 0x0D, -1), *range(1, 9)):
        if bytes([code]) not in text:
            return chr(code)
    raise InputError(f"{source}: does not look like text: it holds every control character")


def _breaks_inside(table: pa.Table, text: bytes, offset: int, others: int) -> tuple[np.ndarray, bool]:
    """Line ends in the cells of each row, and whether there are any; `others` are those of bad rows."""
    total, found = np.zeros(table.num_rows, dtype=np.int64), False
    ends = text.count(b"\n", offset) + (not text.endswith(b"\n"))
    if ends == table.num_rows + others and text.count(b"\r", offset) == text.count(b"\r\n", offset):
        return total, found  # each line is a row; counting in the cells would take as long as parsing them
    for column in table.columns:
        for mark, sign in (("\n", 1), ("\r", 1), ("\r\n", -1)):
            counts = pc.count_substring(column, mark).fill_null(0).to_numpy()
            total += sign * counts
            found = found or bool(counts.any())
    return total, found


def _drop_empty(parsed: _Parsed, notes: list[str]) -> tuple[pa.Table, np.ndarray]:
    """Without the rows and the unnamed columns in which nothing is written; nulls become empty cells."""
    table, lines = parsed.table, parsed.lines
    written = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        if not column.null_count:
            written[:] = True
            break
        written |= column.is_valid().to_numpy()
    if blank := int((~written).sum()):
        table, lines = table.filter(pa.array(written)), lines[written]
        notes.append(f"{blank:,} empty line{'s' if blank > 1 else ''} skipped")
    empty = [
        name
        for place, name in enumerate(table.column_names, 1)
        if name == f"column_{place}" and table.num_rows and table[name].null_count == table.num_rows
    ]
    if empty and len(empty) < table.num_columns:
        table = table.drop_columns(empty)
        notes.append(f"{len(empty)} empty column{'s' if len(empty) > 1 else ''} without a name dropped")
    columns = [column.fill_null("") if column.null_count else column for column in table.columns]
    return pa.table(columns, names=table.column_names), lines
