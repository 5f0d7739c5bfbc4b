"""Which column is the text, and which the label, judged by cells and names; no model is asked."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data import names

SAMPLE = 5000
"""rows that are looked at, evenly spaced"""
SEPARATORS = ("|", ";", ",", "；", "、", "，")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
NUMBER = re.compile(r"\s*[-+]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE)
DATE = re.compile(r"\s*(\d{4}[-/.年]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})")
ADDRESS = re.compile(r"\S+://\S*|(\S*/)?\S+\.[a-z0-9]{2,5}", re.IGNORECASE)
"""a link or the name of a file"""


@dataclass(frozen=True)
class ColumnGuess:
    """A column that may be it, and why, as a few words for people."""

    column: str
    why: str


@dataclass(frozen=True)
class _Column:
    """What the cells of a column look like."""

    name: str
    cells: list[str]
    """filled ones of the sample"""
    filled: float
    """share of rows"""
    distinct: int
    length: float
    """mean, in characters"""
    prose: float
    """share of cells with a blank inside, or in a script without blanks"""
    numeric: float
    """share of cells"""

    @property
    def fresh(self) -> float:
        """Distinct values per filled cell."""
        return self.distinct / max(1, len(self.cells))

    @property
    def digits(self) -> float:
        """Share of cells with a digit."""
        return sum(any(char.isdigit() for char in cell) for cell in self.cells) / max(1, len(self.cells))

    def share(self, pattern: re.Pattern[str]) -> float:
        """Share of cells that match from their start on."""
        return sum(bool(pattern.match(cell)) for cell in self.cells) / max(1, len(self.cells))

    def is_name(self) -> bool:
        """Ids, hashes, links and file names: (nearly) all distinct, one word, no language."""
        if self.prose > 0.05 or self.fresh < 0.95:
            return False
        return names.says(self.name, names.NUMBERING) or self.digits >= 0.8 or self.share(ADDRESS) > 0.8


def guess_text(frame: pd.DataFrame) -> list[ColumnGuess]:
    """Columns that may be the text, likeliest first: long, varied, with blanks or in Chinese."""
    found = []
    for column in _columns(frame):
        named = names.says(column.name, names.TEXT)
        varied = column.distinct > 1 and column.fresh >= 0.05
        if not varied or column.numeric > 0.5 or column.is_name() or column.share(DATE) > 0.8:
            continue
        if column.prose < 0.3 and not named and (column.fresh < 0.5 or column.digits > 0.5):
            continue
        score = math.log2(1 + column.length) + 3 * column.prose + 2 * column.fresh + 2 * named
        score -= 3 * (names.like_label(column.name) or names.like_unit(column.name)) * (not named)
        reasons = [f"{column.length:.0f} characters on average", f"{column.fresh:.0%} distinct"]
        reasons += ["named like a text"] if named else []
        found.append((score, ColumnGuess(column.name, f"{column.name} ({', '.join(reasons)})")))
    return [guess for _, guess in sorted(found, key=lambda pair: -pair[0])]


def guess_label(frame: pd.DataFrame, text: str | Iterable[str]) -> list[ColumnGuess]:
    """Columns that may be the label, likeliest first: few values with several rows each."""
    texts = {text} if isinstance(text, str) else set(text)
    sample = _sample(frame)
    units = [column for column in frame.columns if names.like_unit(column)]
    found = []
    for column in _columns(frame):
        values = _label_values(column, sample[column.name])
        if column.name in texts or not _may_be_label(column, values):
            continue
        named = 4 * names.says(column.name, names.LABEL) or 2 * names.says(column.name, names.WEAK_LABEL)
        whole = len(names.words(column.name)) == 1  # `label` before `label_id`
        score = named + (named and whole) + min(2.0, math.log10(len(column.cells) / values))
        score -= 3 * (not named and (names.says(column.name, names.ORIGIN) or _of_a_unit(sample, column.name, units)))
        score -= 2 * (column.numeric > 0.9 and values > 20) + 2 * (column.filled < 0.9)
        reasons = [f"{values} values", f"about {len(frame) * column.filled / values:.0f} rows each"]
        reasons += ["named like a label"] if named else []
        found.append((score, column, ColumnGuess(column.name, f"{column.name} ({', '.join(reasons)})")))
    if not found:
        return _named_only(frame, texts)
    found.sort(key=lambda item: -item[0])
    return _readable_first(sample, [(column, guess) for _, column, guess in found])


@dataclass(frozen=True)
class NumberGuess(ColumnGuess):
    """A column that may be a number to predict."""

    ratings: bool
    """few different whole numbers, which may as well be labels"""


def guess_number(frame: pd.DataFrame, text: str) -> list[NumberGuess]:
    """Columns that may be a number to predict, likeliest first: those named like it, then those of many values."""
    sample = _sample(frame)
    units = [column for column in frame.columns if names.like_unit(column)]
    found = []
    for column in _columns(frame):
        if column.name == text or column.numeric < 0.95 or column.filled < 0.5 or column.distinct < 3:
            continue
        if names.says(column.name, names.NUMBERING) or names.like_unit(column.name):
            continue
        if names.says(column.name, names.SPLIT) or column.share(DATE) > 0.8:
            continue
        broken = sum(bool(re.search(r"[.,]\d", cell)) for cell in column.cells) / len(column.cells)
        if broken < 0.05 and column.is_name():  # whole numbers that are all different count rows
            continue
        ratings = column.distinct <= 20 and broken < 0.05
        named = names.like_label(column.name)
        score = 3 * named + 2 * (not ratings) - 3 * _of_a_unit(sample, column.name, units)
        why = f"{column.name} ({column.distinct} different numbers{', named like what is asked for' * named})"
        found.append((score, NumberGuess(column.name, why, ratings)))
    return [guess for _, guess in sorted(found, key=lambda pair: -pair[0])]


def _named_only(frame: pd.DataFrame, texts: set[str]) -> list[ColumnGuess]:
    """Columns called "label" and the like whose cells do not look it: what is wrong with them is better said later."""
    return [
        ColumnGuess(column.name, f"{column.name} (named like a label)")
        for column in _columns(frame)
        if column.name not in texts and names.says(column.name, names.LABEL) and column.length <= 60
    ]


def guess_multi_label(series: pd.Series) -> str | None:
    """What stands between the labels of one cell; "list" for cells that are lists; None for one label a cell.

    A separator counts where the pieces come back in other combinations: "a;b" beside "a" or "b;c".
    A name that holds one ("Arts, Entertainment") always has the same pieces.
    """
    cells = [cell for cell in _spaced(series) if not _is_empty(cell)]
    if any(_is_list(cell) for cell in cells):
        return "list"
    counts = Counter(str(cell).strip() for cell in cells)
    for separator in SEPARATORS:
        if _separates(counts, separator):
            return separator
    return None


def _separates(counts: Counter[str], separator: str) -> bool:
    pieces = {cell: {part.strip() for part in cell.split(separator)} - {""} for cell in counts}
    joined = [cell for cell, parts in pieces.items() if len(parts) > 1]
    rows = sum(counts[cell] for cell in joined)
    if rows < max(2, 0.02 * counts.total()):
        return False
    if separator == "," and all(re.fullmatch(r"-?\d+,\d+|-?\d+", cell) for cell in counts):
        return False  # decimal commas
    homes = Counter(part for parts in pieces.values() for part in parts)
    used = {part for cell in joined for part in pieces[cell]}
    if len(homes) > len(pieces) + 1 or np.mean([len(part) for part in homes]) > 30:
        return False
    return sum(homes[part] > 1 for part in used) >= 0.6 * len(used)


def _columns(frame: pd.DataFrame) -> list[_Column]:
    return [_column(str(name), _spaced(frame[name])) for name in frame.columns]


def _column(name: str, sample: list[Any]) -> _Column:
    cells = [_flat(cell) for cell in sample if not _is_empty(cell)]
    count = max(1, len(cells))
    return _Column(
        name=name,
        cells=cells,
        filled=len(cells) / max(1, len(sample)),
        distinct=len(set(cells)),
        length=sum(map(len, cells)) / count,
        prose=sum(bool(CJK.search(cell)) or len(cell.split()) > 1 for cell in cells) / count,
        numeric=sum(bool(NUMBER.fullmatch(cell)) for cell in cells) / count,
    )


def _spaced(series: pd.Series) -> list[Any]:
    """At most `SAMPLE` cells, evenly spaced: sorted files show all their labels."""
    return series.iloc[_places(len(series))].tolist()


def _sample(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[_places(len(frame))].map(_flat)


def _places(size: int) -> np.ndarray:
    return np.unique(np.linspace(0, max(0, size - 1), min(size, SAMPLE)).astype(np.int64))


def _is_list(cell: Any) -> bool:
    return isinstance(cell, list | tuple | np.ndarray)


def _is_empty(cell: Any) -> bool:
    return not len(cell) if _is_list(cell) else not str(cell).strip()


def _flat(cell: Any) -> str:
    return "|".join(map(str, cell)) if _is_list(cell) else str(cell).strip()


def _label_values(column: _Column, sample: pd.Series) -> int:
    """Distinct values, or distinct pieces of cells that hold several labels."""
    separator = guess_multi_label(sample)
    if separator is None or column.length > 60:
        return max(1, column.distinct)
    return max(1, len({part.strip() for cell in column.cells for part in cell.split(separator)} - {""}))


def _may_be_label(column: _Column, values: int) -> bool:
    if values < 2 or column.filled < 0.5 or column.length > 60 or column.is_name():
        return False
    if names.like_unit(column.name) or column.share(DATE) > 0.8:
        return False
    if names.says(column.name, names.SPLIT):
        return False
    return len(column.cells) > values if names.like_label(column.name) else len(column.cells) >= 2 * values


def _of_a_unit(sample: pd.DataFrame, column: str, units: list[str]) -> bool:
    """A property of the unit, such as a user's age: one value in all rows of each unit."""
    for unit in units:
        values = sample.groupby(unit)[column].nunique()
        if 1 < len(values) <= len(sample) / 2 and (values == 1).mean() > 0.95:
            return True
    return False


def _readable_first(sample: pd.DataFrame, ranked: list[tuple[_Column, ColumnGuess]]) -> list[ColumnGuess]:
    """Words before the numbers that stand for them: two columns that are one-to-one say the same."""
    if not ranked or ranked[0][0].numeric < 1:
        return [guess for _, guess in ranked]
    first = ranked[0][0]
    for place, (column, guess) in enumerate(ranked[1:], 1):
        pairs = len(sample[[first.name, column.name]].drop_duplicates())
        if column.numeric == 0 and pairs == first.distinct == column.distinct:
            better = ColumnGuess(column.name, f"{guess.why}, in words what {first.name} says in numbers")
            rest = [other for i, (_, other) in enumerate(ranked) if i != place]
            return [better, *rest]
    return [guess for _, guess in ranked]
