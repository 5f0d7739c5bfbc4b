"""Columns of Parquet and Arrow that hold files, read cell by cell, so that memory does not grow with their number.

Parquet is read a row group at a time, and a few of them are kept; one that is too large for that is gone through from
its beginning, as far as the row that is asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from ftkit.data.embedded import BYTES, Column

MOST = 64 << 20  # bytes of row groups that are kept; hub data sets have groups of about 100 pictures
PIECE = 16  # rows that are read at a time of a row group that is larger


@dataclass(frozen=True, eq=False)
class Whole(Column):
    """A column in memory, or mapped into it."""

    values: pa.ChunkedArray

    @property
    def kind(self) -> pa.DataType:
        """Of a cell."""
        return self.values.type

    def at(self, row: int) -> Any:
        """The cell of a row."""
        return self.values[row].as_py()


@dataclass(eq=False)
class Groups(Column):
    """A column of a Parquet file, read by row groups."""

    path: Path
    name: str
    kind: pa.DataType
    """of a cell"""
    starts: np.ndarray
    """(row groups + 1,) the first row of each, and how many rows there are"""
    sizes: tuple[int, ...]
    """bytes of each row group, unpacked"""
    state: tuple[int, int]
    """size and time of the file, which is not to change"""
    kept: OrderedDict[int, pa.ChunkedArray] = field(default_factory=OrderedDict, repr=False)
    """row groups, the one that was used last at the end"""
    _passing: _Passing | None = field(default=None, repr=False)

    @classmethod
    def of(cls, path: Path, file: pq.ParquetFile, name: str) -> Groups:
        """The column `name` of an open file."""
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        sizes = tuple(_size(group, name) for group in groups)
        kind = file.schema_arrow.field(name).type
        return cls(path, name, kind, np.cumsum([0, *(group.num_rows for group in groups)]), sizes, _state(path))

    @property
    def held(self) -> int:
        """Bytes of the row groups in memory."""
        return sum(self.sizes[number] for number in self.kept)

    def at(self, row: int) -> Any:
        """The cell of a row."""
        if _state(self.path) != self.state:
            raise OSError(None, "another file lies there now")
        try:
            return self._at(row)
        except pa.ArrowException as error:  # few of them are OSErrors
            raise OSError(None, " ".join(str(error).split())[:200]) from None

    def _at(self, row: int) -> Any:
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        place = row - int(self.starts[number])
        if self.sizes[number] > MOST:
            return self._on_the_way(number, place)
        if number not in self.kept:
            while self.kept and self.held + self.sizes[number] > MOST:
                self.kept.popitem(last=False)
            with pq.ParquetFile(self.path, pre_buffer=False) as file:
                self.kept[number] = file.read_row_group(number, columns=[self.name], use_threads=False).column(0)
        self.kept.move_to_end(number)
        return self.kept[number][place].as_py()

    def _on_the_way(self, number: int, place: int) -> Any:
        """A cell of a row group that does not fit into memory; rows in their order are read once."""
        if self._passing is None or not self._passing.can_reach(number, place):
            self._passing = _Passing(self.path, self.name, number)
        return self._passing.reach(place)


class _Passing:
    """One row group, gone through forwards."""

    def __init__(self, path: Path, name: str, number: int) -> None:
        self._number, self._first = number, 0
        self._pieces = self._read(path, name, number)
        self._piece: pa.Array = pa.nulls(0)

    def can_reach(self, number: int, place: int) -> bool:
        return number == self._number and place >= self._first

    def reach(self, place: int) -> Any:
        while place >= self._first + len(self._piece):
            self._first += len(self._piece)
            self._piece = next(self._pieces)
        return self._piece[place - self._first].as_py()

    @staticmethod
    def _read(path: Path, name: str, number: int) -> Iterator[pa.Array]:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            for batch in file.iter_batches(PIECE, row_groups=[number], columns=[name], use_threads=False):
                yield batch.column(0)


def has_fields(kind: pa.DataType) -> bool:
    """Whether cells are {bytes, …}."""
    if not types.is_struct(kind):
        return False
    place = kind.get_field_index(BYTES)
    return place >= 0 and is_binary(kind.field(place).type)


def is_binary(kind: pa.DataType) -> bool:
    """Whether cells are bytes."""
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def is_text(value: bytes) -> bool:
    """Whether bytes may be text, which some writers store without saying so; pictures and sounds are none."""
    try:
        return "\0" not in value.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _size(group: pq.RowGroupMetaData, name: str) -> int:
    columns = [group.column(place) for place in range(group.num_columns)]
    return sum(
        one.total_uncompressed_size
        for one in columns
        if one.path_in_schema == name or one.path_in_schema.startswith(f"{name}.")
    )


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
