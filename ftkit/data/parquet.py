"""Parquet files and Arrow tables -> cells. Numbers become their shortest text; lists stay lists, media stay bytes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from ftkit.data.cells import Cells, refuse_repeated
from ftkit.data.records import column
from ftkit.errors import InputError
from ftkit.privacy import shown

INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls the row numbers that it stores


def read(raw: bytes, source: str) -> Cells:
    """Rows of a Parquet file."""
    return from_arrow(arrow(raw, source), source)


def arrow(raw: bytes, source: str) -> pa.Table:
    """A Parquet file as it is."""
    try:
        return pq.ParquetFile(pa.BufferReader(raw)).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        message = f"{source}: broken or cut-off Parquet file: {reason[:200]}"
        raise InputError(message, "copy or download it again") from None


def from_arrow(table: pa.Table, source: str) -> Cells:
    """Cells of an Arrow table."""
    refuse_repeated(table.column_names, source)
    stored = [name for name in table.column_names if INDEX.fullmatch(name)]
    notes = ("stored row numbers (__index_level_0__) dropped",) if stored else ()
    table = table.drop_columns(stored)
    try:
        cells = {name: _text(values) for name, values in zip(table.column_names, table.columns, strict=True)}
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise InputError(f"{source}: cannot be turned into text: {shown(error, 200)}") from None
    frame = pd.DataFrame(cells, index=range(table.num_rows))
    return Cells(frame, np.arange(1, table.num_rows + 1), notes)


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
