"""Inputs that are no texts: a row is then known by a name, and what it holds is known by its hash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from ftkit.data.embedded import Embedded


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

    place: Path | Embedded
    """where it is"""
    length: int
    """positions of its array"""
    seconds: float | None
    """of footage that its array stands for"""
    stretch: tuple[float, float] | None
    """start and end in seconds, where it is a part of a longer file"""
    whole: str | None
    """what that file is known by as a whole"""

    def __new__(
        cls,
        name: str,
        digest: str,
        place: Path | Embedded,
        length: int,
        seconds: float | None = None,
        stretch: tuple[float, float] | None = None,
        whole: str | None = None,
    ) -> Self:
        made = super().__new__(cls, name, digest)
        made.place, made.length, made.seconds, made.stretch, made.whole = place, length, seconds, stretch, whole
        return made

    @property
    def file(self) -> str:
        """What its file is known by, of which it may be a part."""
        return self.whole or self.digest

    def open(self) -> BinaryIO:
        """The file, read anew; an OSError where it is gone."""
        return self.place.open("rb") if isinstance(self.place, Path) else self.place.open()


def identity(part: str) -> str | None:
    """The content hash of an input that is no text; None for a text."""
    return part.digest if isinstance(part, Item) else None
