"""The values behind the text of a table: numbers, dates and truth values, for writing them again as what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data import excel, parquet, records
from ftkit.data.encoding import decode
from ftkit.data.sources import File
from ftkit.recipe import Data


def restored(frame: pd.DataFrame, lines: np.ndarray, file: File, data: Data) -> pd.DataFrame:
    """The frame with the file's own values in the columns that come from it; others, and plain text, stay.

    `lines` (rows,) says where each row of the frame stands in the file, as `Table.lines` does.
    """
    if file.kind in ("delimited", "conll"):
        return frame
    names = [str(name) for name in frame.columns]
    own, result = _values(file, lines, data, names), frame.copy()
    for name in names:
        if (old := data.columns.get(name, name)) in own:
            result[name] = pd.Series(own[old], index=frame.index)
    return result


def _values(file: File, lines: np.ndarray, data: Data, names: list[str]) -> Mapping[str, Any]:
    """Column of the file -> its values at these lines."""
    if file.kind == "parquet":
        table = parquet.rows(file.place, file.source, lines)
        return {
            name: pd.arrays.ArrowExtensionArray(column)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    if file.kind == "excel":
        cells = excel.values(file.raw, file.source, data, lines)
        columns = [data.columns.get(name, name) for name in names]
        return {name: _objects(some) for name, some in zip(columns, cells, strict=False)}
    text, _ = decode(file.raw, file.source, data.encoding)
    rows, _ = records.values(text, file.source, lines=file.kind == "jsonl")
    wanted = [rows[int(line)] for line in lines]
    return {
        name: _objects([row.get(name) for row in wanted])
        for name in dict.fromkeys(key for row in wanted for key in row)
    }


def _objects(values: list[Any]) -> np.ndarray:
    """Without any guess at a common type: 1 beside nothing stays 1."""
    return np.fromiter(values, dtype=object, count=len(values))
