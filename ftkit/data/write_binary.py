"""Tables as files that are no text: Parquet and Excel workbooks."""

from __future__ import annotations

import datetime
import re
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ftkit.data.embedded import Embedded
from ftkit.data.plain import chunks, plain, text_of, texts, values
from ftkit.errors import InputError

GROUP = 100  # rows of a row group of files, as data sets of the hub have them
SHEET_ROWS, CELL_CHARACTERS = 1_048_576, 32_767  # what Excel can hold
NUMBERS = (int, float, datetime.datetime, datetime.date, datetime.time, datetime.timedelta)  # of a workbook
UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # in the XML of a workbook


def parquet(frame: pd.DataFrame, stream: IO[bytes]) -> tuple[str, ...]:
    """Write a Parquet file; files that the table holds go through memory a few at a time, into row groups as small."""
    held = {str(name): cells for name, cells in frame.items() if len(cells) and isinstance(cells.iloc[0], Embedded)}
    rest = pa.table({str(name): _array(cells) for name, cells in frame.items() if str(name) not in held})
    if not held:
        pq.write_table(rest, stream)
        return ()
    names = [str(name) for name in frame.columns]
    kinds = {name: pa.field(name, cells.iloc[0].column.kind) for name, cells in held.items()}
    schema = pa.schema([kinds.get(name) or rest.schema.field(name) for name in names])
    with pq.ParquetWriter(stream, schema) as writer:
        for start in range(0, len(frame), GROUP):
            some = rest.slice(start, GROUP)
            files = {name: [_stored(one) for one in cells.iloc[start : start + GROUP]] for name, cells in held.items()}
            columns = [pa.array(files[name], kinds[name].type) if name in held else some[name] for name in names]
            writer.write_table(pa.table(columns, schema=schema))
    return ()


def _stored(cell: Embedded) -> Any:
    try:
        return cell.stored()
    except OSError as error:
        what = f"{cell}: cannot be read again from its table: {error.strerror}"
        raise InputError(what, "leave that file as it is while this runs, and start again") from None


def _array(values: pd.Series) -> pa.Array:
    """A column as Parquet stores it; cells of several kinds become text."""
    if values.dtype == object:
        cells = [plain(value) for value in values.tolist()]
        if not all(isinstance(value, str) for value in cells):
            cells = [None if isinstance(value, str) and value == "" else value for value in cells]
        try:
            return pa.array(cells)
        except (pa.ArrowException, TypeError):
            values = pd.Series(texts(values), dtype="str")
    return pa.array(values, from_pandas=True)


def excel(frame: pd.DataFrame, stream: IO[bytes]) -> tuple[str, ...]:
    """Write a workbook; returns what could not be kept, as sentences."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    if len(frame) >= SHEET_ROWS:
        raise InputError(f"{len(frame):,} rows do not fit into an Excel sheet", "write a .csv or .parquet file instead")
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    changed = 0

    def shape(value: Any) -> Any:
        nonlocal changed
        if value is None or (isinstance(value, NUMBERS) and value == value):
            return value
        text = value if isinstance(value, str) else text_of(value)
        kept = UNSTORABLE.sub("\ufffd", text)[:CELL_CHARACTERS]
        changed += kept != text
        made = WriteOnlyCell(sheet, kept)
        made.data_type = "s"  # else a text that begins with "=" becomes a formula
        return made

    sheet.append([shape(str(name)) for name in frame.columns])
    for part in chunks(frame):
        for row in zip(*(values(part.iloc[:, place]) for place in range(part.shape[1])), strict=True):
            sheet.append([shape(value) for value in row])
    book.save(stream)
    return (f"{changed:,} cells hold characters, or more of them, than Excel can: changed",) if changed else ()
