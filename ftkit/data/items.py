"""Inputs that are no texts: a row is then known by a name, and what it holds is known by its hash."""

from __future__ import annotations

from pathlib import Path


class Item(str):
    """What a row is called on pages and in messages (`dog/0012.jpg`, `walk.csv 4.0–6.0 s`), and what is behind it.

    Rows that hold the same count as the same row, whatever they are called.
    """

    digest: str
    """sha256 of the content, 32 hex digits"""
    path: Path | None
    """the file; None where a task keeps what it needs in a class of its own"""

    def __new__(cls, name: str, digest: str, path: Path | None = None) -> Item:
        made = super().__new__(cls, name)
        made.digest, made.path = digest, path
        return made


def identity(part: str) -> str | None:
    """The content hash of an input that is no text; None for a text."""
    return part.digest if isinstance(part, Item) else None
