"""Inputs that are no texts: a row is then known by a name, and what it holds is known by its hash."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Self


class Item(str):
    """What a row is called on pages and in messages (`dog/0012.jpg`, `walk.csv 4.0-6.0 s`), and what is behind it.

    Rows that hold the same count as the same row, whatever they are called.
    """

    digest: str
    """sha256 of the content, 32 hex digits"""

    def __new__(cls, name: str, digest: str) -> Self:
        made = super().__new__(cls, name)
        made.digest = digest
        return made


class FileItem(Item):
    """A file, or one that a table holds itself."""

    path: Path | None
    """where it lies"""
    raw: bytes | None
    """its bytes where it lies nowhere by itself"""
    length: int
    """positions of its array"""
    seconds: float | None
    """of footage that its array stands for"""

    def __new__(
        cls, name: str, digest: str, path: Path | None, raw: bytes | None, length: int, seconds: float | None = None
    ) -> Self:
        made = super().__new__(cls, name, digest)
        made.path, made.raw, made.length, made.seconds = path, raw, length, seconds
        return made

    def open(self) -> BinaryIO:
        """The file, read anew; an OSError where it is gone."""
        if self.raw is not None:
            return io.BytesIO(self.raw)
        assert self.path is not None
        return self.path.open("rb")


def identity(part: str) -> str | None:
    """The content hash of an input that is no text; None for a text."""
    return part.digest if isinstance(part, Item) else None
