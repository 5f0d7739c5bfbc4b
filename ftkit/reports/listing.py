"""Rows that a page lists: searched, filtered, sorted and turned over in the browser (`templates/list.js`).

The browser gets them column by column as one block of JSON, which runs nothing and shows nothing by
itself. Long texts are cut so that all of them together stay within a budget, whatever they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from ftkit.reports import words
from ftkit.reports.shape import clean

MOST_ROWS = 5000
"""in one page; a file beside it has the rest"""
MOST_TEXT = 1200
"""characters of one text"""
BUDGET = 1_200_000
"""bytes of all texts of one list: with 3,000 rows the page then stays below 2 MB"""
MOST_CHOICES = 200
"""names that a person can still pick from a menu"""


@dataclass(frozen=True)
class Column:
    """One column of a list; `values` has an item for each row."""

    key: str
    name: str
    kind: str
    """text, choice (numbers of `names`), share (0 to 1) or number (one, or several)"""
    values: list[Any]
    names: list[str] = field(default_factory=list)
    every: str = ""
    """what its filter is called while it filters nothing; empty: no filter"""
    rest: str = ""
    """what names beyond the first `known` are called together"""
    known: int = 0
    tones: dict[str, str] = field(default_factory=dict)
    """name -> good or bad, for those that have a colour"""

    def plain(self) -> dict[str, Any]:
        """As JSON, without what it does not have."""
        return {key: value for key, value in vars(self).items() if value or key == "values"}


def texts(key: str, name: str, values: Sequence[Sequence[str]]) -> tuple[Column, str]:
    """A column of texts, several a row or one, and what to say of those that were cut."""
    printable: list[list[str]] = [clean(list(value)) for value in values]
    sizes = [_size(text) for value in printable for text in value]
    limit = _limit(sizes, BUDGET)
    shown = [[_cut(text, limit) for text in value] for value in printable]
    cut = sum(a != b for a, b in zip(printable, shown, strict=True))
    column = Column(key, name, "text", [value[0] if len(value) == 1 else value for value in shown])
    if not cut:
        return column, ""
    return (
        column,
        f"{words.count(cut, 'long text is', 'long texts are')} cut in this page, and searched as far as shown.",
    )


def choices(
    key: str,
    name: str,
    values: Sequence[object],
    names: Sequence[str] = (),
    rest: str = "",
    tones: Mapping[str, str] | None = None,
    menu: bool = True,
) -> Column:
    """A column of names, none, one or several a row; `names` come first in its menu, then what else occurs."""
    place = {name: number for number, name in enumerate(clean(list(names)))}
    known = len(place)
    rows = [[place.setdefault(one, len(place)) for one in clean(words.labels(value))] for value in values]
    found: list[Any] = [row[0] if len(row) == 1 else row for row in rows]
    every = "all" if menu and 1 < len(place) <= MOST_CHOICES else ""
    rest, known = (rest, known) if rest and len(place) > known else ("", 0)
    return Column(key, name, "choice", found, list(place), every, rest, known, dict(tones or {}))


def shares(key: str, name: str, values: Sequence[float | None]) -> Column:
    """A column of shares; what is not quite 1 is not rounded to it."""
    rounded = [None if value is None else round(value, 4) for value in clean(list(values))]
    whole = [0.9999 if short == 1 and value != 1 else short for short, value in zip(rounded, values, strict=True)]
    return Column(key, name, "share", whole)


def numbers(key: str, name: str, values: Sequence[Any]) -> Column:
    """A column of numbers, to four significant digits."""
    return Column(key, name, "number", [None if value is None else _short(value) for value in clean(list(values))])


def _short(value: Any) -> Any:
    return [_short(one) for one in value] if isinstance(value, list) else float(f"{value:.4g}")


def slices(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """A column for each slice that any of the rows has."""
    names = dict.fromkeys(name for row in rows for name in row.get("slices") or {})
    return [choices(f"slice.{name}", name, [(row.get("slices") or {}).get(name) for row in rows]) for name in names]


def block(columns: Sequence[Column], one: str = "row", many: str = "rows") -> Markup:
    """The columns as JSON that may stand inside a script element: no text in it can end the element."""
    whole = {"nouns": [one, many], "columns": [column.plain() for column in columns]}
    return Markup(_written(whole))


def _written(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _size(text: str) -> int:
    """Bytes that a text takes in the page."""
    return len(_written(text).encode())


def _limit(sizes: Sequence[int], budget: int) -> int:
    """Bytes at which texts are cut so that all together fit; no text is cut where they do as they are."""
    left, many = budget, len(sizes)
    for size in sorted(sizes):
        if size * many > left:
            return left // many
        left, many = left - size, many - 1
    return budget


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes, about, and at most MOST_TEXT characters."""
    fit = min(MOST_TEXT, len(text) * limit // max(_size(text), 1) if _size(text) > limit else len(text))
    return text if fit >= len(text) else f"{text[:fit]}… ({len(text) - fit:,} more characters)"
