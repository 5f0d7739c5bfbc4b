"""Parquet files and Arrow tables -> cells. Numbers become their shortest text, lists stay lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types

from ftkit.data import embedded, row_groups
from ftkit.data.cells import Cells, refuse_repeated
from ftkit.data.embedded import Column
from ftkit.data.records import column
from ftkit.data.row_groups import Groups, Whole
from ftkit.errors import InputError
from ftkit.privacy import shown

INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls the row numbers that it stores
SOME = 100  # cells that are not empty, in which a column of bytes shows what it holds


def read(place: Path | bytes, source: str) -> Cells:
    """Rows of a Parquet file, which is a place on the disk, or its content; there the files that it holds are left."""
    with _opened(place, source) as file:
        if isinstance(place, bytes):
            return from_arrow(file.read(), source)
        names = file.schema_arrow.names
        refuse_repeated(names, source)
        held = _held(file)
        bulky = {path for name in held for path in (name, f"{name}.{embedded.BYTES}")}
        if alike := sorted((bulky - set(held)) & set(names)):
            raise InputError(f"{source}: a column is called {alike[0]!r} like a part of another", "rename one of them")
        leaves = [file.schema.column(number).path for number in range(len(file.schema))]
        table = file.read([path for path in leaves if path not in bulky] if held else None)
        stored = {name: Groups.of(place, file, name) for name in held if _stores(file, name)}
        return _cells(table, names, dict.fromkeys(held) | stored, source)


def rows(place: Path | bytes, source: str, lines: np.ndarray) -> pa.Table:
    """Rows of a Parquet file as they are, by their numbers from 1, without the columns that hold files."""
    with _opened(place, source) as file:
        held = _held(file)
        names = [name for name in file.schema_arrow.names if name not in held]
        return (file.read(names) if held else file.read()).take(lines - 1)


def _stores(file: pq.ParquetFile, name: str) -> bool:
    """Whether a column holds any file, and not only the names of files that lie elsewhere."""
    kind, metadata = file.schema_arrow.field(name).type, file.metadata
    if types.is_struct(kind) and types.is_null(kind.field(embedded.BYTES).type):
        return False
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for leaf in map(group.column, range(group.num_columns)):
            if leaf.path_in_schema in (name, f"{name}.{embedded.BYTES}"):
                known = leaf.statistics is not None and leaf.statistics.has_null_count
                if not known or leaf.statistics.null_count < group.num_rows:
                    return True
    return False


def from_arrow(table: pa.Table, source: str) -> Cells:
    """Cells of an Arrow table."""
    refuse_repeated(table.column_names, source)
    columns = {
        name: Whole(table[name]) if _any_stored(table[name]) else None
        for name in table.column_names
        if _holds_files(table.schema.field(name).type, partial(_each, table[name]))
    }
    return _cells(table, table.column_names, columns, source)


def _any_stored(values: pa.ChunkedArray) -> bool:
    bulk = pc.struct_field(values, embedded.BYTES) if types.is_struct(values.type) else values
    return bool(bulk.null_count < len(bulk))


def _cells(table: pa.Table, names: list[str], held: Mapping[str, Column | None], source: str) -> Cells:
    """Columns by these names; those of `held`, which the table may lack, become cells that say where a file is.

    Of None, whose files all lie elsewhere, they become their names.
    """
    kept = [name for name in names if not INDEX.fullmatch(name)]
    notes = ("stored row numbers (__index_level_0__) dropped",) if len(kept) < len(names) else ()
    try:
        cells = {name: _files(held[name], table, name) if name in held else _text(table[name]) for name in kept}
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise InputError(f"{source}: cannot be turned into text: {shown(error, 200)}") from None
    frame = pd.DataFrame(cells, index=range(table.num_rows))
    return Cells(frame, np.arange(1, table.num_rows + 1), notes)


def _files(column: Column | None, table: pa.Table, name: str) -> pd.Series:
    """Where the files of a column are, with what the column calls them."""
    called: list[str | None] = [None] * table.num_rows
    kind = table.schema.field(name).type if name in table.column_names else None
    if kind is not None and types.is_struct(kind) and kind.get_field_index(embedded.PATH) >= 0:
        called = pc.struct_field(table[name], embedded.PATH).cast(pa.large_string()).to_pylist()
    if column is None:
        return pd.Series([one or "" for one in called], dtype="str")
    return pd.Series(embedded.cells(column, called), dtype="object")


@contextmanager
def _opened(place: Path | bytes, source: str) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(pa.BufferReader(place) if isinstance(place, bytes) else place) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        message = f"{source}: broken or cut-off Parquet file: {reason[:200]}"
        raise InputError(message, "copy or download it again") from None


def _held(file: pq.ParquetFile) -> list[str]:
    """Columns that hold files."""

    def first(name: str) -> Iterator[Any]:
        return (cell for batch in file.iter_batches(SOME, columns=[name]) for cell in batch.column(0).to_pylist())

    schema = file.schema_arrow
    return [name for name in schema.names if _holds_files(schema.field(name).type, partial(first, name))]


def _each(values: pa.ChunkedArray) -> Iterator[Any]:
    return (cell.as_py() for cell in values)


def _holds_files(kind: pa.DataType, each: Callable[[], Iterator[Any]]) -> bool:
    """Whether a column holds files: {bytes, …}, or bytes of which some are no text."""
    if row_groups.is_binary(kind):
        return not all(map(row_groups.is_text, islice(filter(None, each()), SOME)))
    return row_groups.has_fields(kind)


def _text(values: pa.ChunkedArray) -> Any:
    """A column as text, or as objects where its cells are lists, structures or bytes."""
    kind = values.type
    if types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if types.is_null(kind):
        return pd.Series([""] * len(values), dtype="str")
    if types.is_floating(kind):
        return _numbers(values)
    if _has_plain_text(kind):
        return values.cast(pa.large_string()).fill_null("").to_pandas()
    if types.is_timestamp(kind) or types.is_time(kind):
        shown = values.cast(pa.large_string()).fill_null("").to_pandas()
        shown = shown.str.replace(r"\.0+(?=Z?$)", "", regex=True)
        return shown.str.removesuffix(" 00:00:00") if (shown.str.endswith(" 00:00:00") | (shown == "")).all() else shown
    objects = ["" if value is None else value for value in values.to_pylist()]
    if types.is_duration(kind):
        return column(str(value) if value != "" else "" for value in objects)
    return pd.Series(objects, dtype="object")


def _has_plain_text(kind: pa.DataType) -> bool:
    """Whether Arrow's own text of it is the one we want."""
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_boolean, types.is_integer)
    return any(test(kind) for test in (*tests, types.is_decimal, types.is_date))


def _numbers(values: pa.ChunkedArray) -> pd.Series:
    """Floats; those of 32 bits have a shorter text of their own, 0.1 where Python says 0.10000000149011612."""
    if types.is_float64(values.type):
        return column(values.to_numpy().tolist())  # null is nan
    shown: pd.Series = values.cast(pa.large_string()).fill_null("").to_pandas()
    return shown.replace("nan", "")
