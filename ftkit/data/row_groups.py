"""Columns of Parquet and Arrow that hold files, read cell by cell, so that memory does not grow with their number.

Parquet is read a row group at a time, and a few of them are kept, of all files together; one that is too large for that
is gone through from its beginning, as far as the row that is asked for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from ftkit.data.embedded import BYTES

MOST = 64 << 20  # bytes of row groups that are kept; hub data sets have groups of about 100 pictures
PIECE = 16  # rows that are read at a time of a row group that is larger


@dataclass(frozen=True, eq=False)
class Whole:
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
class Groups:
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

    @classmethod
    def of(cls, path: Path, file: pq.ParquetFile, name: str) -> Groups:
        """The column `name` of an open file."""
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        sizes = tuple(_size(group, name) for group in groups)
        kind = file.schema_arrow.field(name).type
        return cls(path, name, kind, np.cumsum([0, *(group.num_rows for group in groups)]), sizes, _state(path))

    def at(self, row: int) -> Any:
        """The cell of a row."""
        if _state(self.path) != self.state:
            raise OSError(None, "another file lies there now")
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        place = row - int(self.starts[number])
        try:
            with KEPT.lock:
                if self.sizes[number] > MOST:
                    return KEPT.passed(self, number, place)
                return KEPT.group(self, number)[place].as_py()
        except (pa.ArrowException, OSError) as error:
            raise OSError(None, " ".join(str(error).split())[:200]) from None


class Kept:
    """What is in memory of all files."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._groups: OrderedDict[tuple[Groups, int], pa.ChunkedArray] = OrderedDict()
        self._passing: _Passing | None = None

    @property
    def held(self) -> int:
        """Bytes of the row groups."""
        return sum(column.sizes[number] for column, number in self._groups)

    def group(self, column: Groups, number: int) -> pa.ChunkedArray:
        """A row group; the one that was used last stands at the end."""
        key = column, number
        if key not in self._groups:
            while self._groups and self.held + column.sizes[number] > MOST:
                self._groups.popitem(last=False)
            with pq.ParquetFile(column.path, pre_buffer=False) as file:
                self._groups[key] = file.read_row_group(number, columns=[column.name], use_threads=False).column(0)
        self._groups.move_to_end(key)
        return self._groups[key]

    def passed(self, column: Groups, number: int, place: int) -> Any:
        """A cell of a row group that does not fit; rows in their order are read once."""
        if self._passing is None or not self._passing.can_reach(column, number, place):
            self._stop()
            self._passing = _Passing(column, number)
        try:
            return self._passing.reach(place)
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        if self._passing is not None:
            self._passing.pieces.close()
        self._passing = None


KEPT = Kept()


class _Passing:
    """One row group, gone through forwards; its file is closed behind the last row."""

    def __init__(self, column: Groups, number: int) -> None:
        self.pieces = self._read(column, number)
        self._of, self._first = (column, number), 0
        self._rows = int(column.starts[number + 1] - column.starts[number])
        self._piece: pa.Array = pa.nulls(0)

    def can_reach(self, column: Groups, number: int, place: int) -> bool:
        return self._of == (column, number) and place >= self._first

    def reach(self, place: int) -> Any:
        while place >= self._first + len(self._piece):
            self._first += len(self._piece)
            piece = next(self.pieces, None)
            if piece is None:
                raise OSError(None, "it holds fewer rows than it says")
            self._piece = piece
        if self._first + len(self._piece) == self._rows:
            self.pieces.close()
        return self._piece[place - self._first].as_py()

    @staticmethod
    def _read(column: Groups, number: int) -> Generator[pa.Array, None, None]:
        with pq.ParquetFile(column.path, pre_buffer=False, buffer_size=1 << 20) as file:
            for batch in file.iter_batches(PIECE, row_groups=[number], columns=[column.name], use_threads=False):
                yield batch.column(0)


def has_fields(kind: pa.DataType) -> bool:
    """Whether cells are {bytes, …}."""
    if not types.is_struct(kind):
        return False
    place = kind.get_field_index(BYTES)
    return place >= 0 and (is_binary(kind.field(place).type) or types.is_null(kind.field(place).type))


def is_binary(kind: pa.DataType) -> bool:
    """Whether cells are bytes."""
    tests = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


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
