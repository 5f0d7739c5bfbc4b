"""Files that a table holds itself, as Parquet data sets do: a cell says where its bytes are, and reads them anew."""

from __future__ import annotations

import io
from typing import Any, Protocol

BYTES, PATH = "bytes", "path"
"""fields of a cell, as hub data sets store pictures and sounds"""


class Column(Protocol):
    """A column of files, which gives one cell at a time."""

    @property
    def kind(self) -> Any:
        """Arrow's type of its cells."""

    def at(self, row: int) -> Any:
        """The cell of a row, counted from 0: bytes, {bytes, path}, or None. Raises OSError where it is gone."""


class Embedded:
    """A cell that holds a file."""

    __slots__ = ("column", "name", "row")

    def __init__(self, column: Column, row: int, name: str) -> None:
        self.column, self.row, self.name = column, row, name

    def __str__(self) -> str:
        return self.name or f"row {self.row + 1}"

    def stored(self) -> Any:
        """The cell as it is stored."""
        return self.column.at(self.row)

    def read(self) -> bytes | None:
        """The file; None where the cell has only a path, or nothing. Raises OSError where it is gone."""
        stored = self.stored()
        found: bytes | None = stored.get(BYTES) if isinstance(stored, dict) else stored
        return found

    def open(self) -> io.BytesIO:
        """The file, for reading."""
        found = self.read()
        if found is None:
            raise OSError(None, "nothing is stored")
        return io.BytesIO(found)


def cells(column: Column, names: list[str | None]) -> list[Embedded]:
    """A cell for each row, by what it is called."""
    return [Embedded(column, row, (name or "").strip()) for row, name in enumerate(names)]
