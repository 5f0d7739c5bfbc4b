"""Delimiter, quoting and header of delimited text, found in its first lines.

A delimiter is judged by whether it cuts many lines into equally many cells, not by how often it occurs.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise

from ftkit.data.cells import name_columns, numbered
from ftkit.data.header import is_header, is_known
from ftkit.data.quoting import quotes_against
from ftkit.errors import InputError
from ftkit.recipe import Data

LINE = re.compile(r"[^\r\n]*(\r\n|\r|\n|\Z)")
DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}  # in order of preference on a tie
SAMPLE = 1 << 20  # bytes
ROWS, CELLS = 5_000, 100_000  # at most so many are looked at
ENOUGH = 0.8  # share of lines that must have the usual number of cells
TITLES = 20  # lines above the header at most


@dataclass(frozen=True)
class Dialect:
    """How to cut a text into rows and cells, and where its rows begin."""

    delimiter: str
    """one character; "" for one column"""
    quoting: bool
    names: tuple[str, ...]
    offset: int
    """bytes before the first row"""
    line: int
    """1-based line of the first row"""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    cells: list[str]
    start: int  # characters before it
    end: int  # characters up to the next row
    line: int


@dataclass(frozen=True)
class _Cut:
    """The sample cut by one delimiter."""

    delimiter: str
    quoting: bool
    rows: list[_Row]

    @cached_property
    def width(self) -> int:
        """The usual number of cells in a row."""
        counts = Counter(len(row.cells) for row in self.rows)
        return max(counts, key=lambda width: (counts[width], width), default=1)

    @cached_property
    def odd(self) -> int:
        """Rows with another number of cells."""
        return sum(len(row.cells) != self.width for row in self.rows)

    @cached_property
    def first(self) -> int:
        """Place of the first row of the usual width with most cells filled: past title lines, if there are any."""
        for place, row in enumerate(self.rows[: TITLES + 1]):
            if len(row.cells) == self.width and 2 * sum(bool(cell.strip()) for cell in row.cells) > self.width:
                return place
        return 0

    @cached_property
    def score(self) -> float:
        """Share of rows of the usual width, less what speaks for prose; negative: not this delimiter."""
        if self.width < 2:
            return -1.0
        share = 1 - self.odd / len(self.rows)
        pairs = [pair for row in self.rows[:500] for pair in pairwise(row.cells)]
        prose = sum(right.startswith(" ") for _, right in pairs) / len(pairs)
        decimal = sum(left[-1:].isdigit() and right[:1].isdigit() for left, right in pairs) / len(pairs)
        if len(self.rows[0].cells) != self.width and not self.titled:
            share -= 0.15  # the header is the row that is most surely right
        # ", " is how prose uses a comma, "1,5" how a number does; with few lines that could be all there is
        penalty = (0.1 if len(self.rows) > 3 else 0.25) * prose + 0.05 * decimal
        return share - (penalty if self.delimiter in ",;" else 0)

    @cached_property
    def titled(self) -> bool:
        """Whether narrower lines stand above a header."""
        above, rest = self.rows[: self.first], self.rows[self.first :]
        if not above or len(rest) < 4 or any(len(row.cells) > self.width for row in above):
            return False
        even = [row.cells for row in rest if len(row.cells) == self.width]
        return len(even) >= 0.95 * len(rest) and is_header(even[0], even[1:200])


def detect(text: bytes, source: str, data: Data, suffix: str = "") -> Dialect:
    """How the text is delimited; keys of `data` that are not `auto` are obeyed."""
    sample, whole = _head(text)
    hint = re.match(r"sep=(.)\r?\n", sample)  # what Excel writes for itself
    wanted = [DELIMITERS[data.delimiter]] if data.delimiter != "auto" else list(DELIMITERS.values())
    if hint and data.delimiter == "auto" and hint[1] in wanted:
        wanted = [hint[1]]
    skip = len(hint[0]) if hint else 0
    if not isinstance(data.header, bool | str):
        skip = _line_start(sample, data.header, source)
    found = [delimiter for delimiter in wanted if delimiter in sample or len(wanted) == 1]
    cuts = [_cut_best(sample, delimiter, data.quoting, skip, whole) for delimiter in found]
    cut = max(cuts, key=lambda cut: cut.score, default=None)
    if cut is None or (len(wanted) > 1 and cut.score < ENOUGH):
        cut = _by_header(cuts, suffix) or _cut_best(sample, "", data.quoting, skip, whole)
    if not all(one.rows for one in (*cuts, cut)):
        raise InputError(f"{source}: is empty: it holds no cell with text", "give a file with rows")
    return _with_header(cut, text, sample, source, data)


def _head(text: bytes) -> tuple[str, bool]:
    """The first lines, and whether they are all of the text."""
    if len(text) <= SAMPLE:
        return text.decode("utf-8"), True
    head = text[:SAMPLE]
    return head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1 or SAMPLE].decode("utf-8", "ignore"), False


def _line_start(sample: str, line: int, source: str) -> int:
    """Characters before the line that the user named as header."""
    starts = (match.start() for match in LINE.finditer(sample))
    start = next(islice(starts, line - 1, None), len(sample))
    if not LINE.match(sample, start)[0].strip():  # type: ignore[index]  # it matches anywhere
        raise InputError(f"{source}: line {line} is no header: it is empty", "check the number in data.header")
    return start


def _by_header(cuts: list[_Cut], suffix: str) -> _Cut | None:
    """The delimiter of a first row of known names, where unquoted text has made the other rows uneven."""
    for cut in cuts:
        names = [cell.strip() for cell in cut.rows[0].cells] if cut.rows else []
        known = [name for name in names if is_known(name)]
        torn = sum(len(row.cells) >= len(names) for row in cut.rows)
        if len(names) > 1 and torn >= 0.5 * len(cut.rows) and (len(known) == len(names) or (known and suffix == "csv")):
            return cut
    return None


# ---- cutting ----


def _cut_best(sample: str, delimiter: str, quoting: str, skip: int, whole: bool) -> _Cut:
    """Cut with double quotes as quotes, unless they are plain characters."""
    plain = _cut_plain(sample, delimiter, skip)
    if quoting == "off":
        return plain
    if '"' not in sample:
        return replace(plain, quoting=True)
    quoted = _cut_quoted(sample, delimiter, skip, whole)
    against = quotes_against(sample.encode(), skip, delimiter, whole)
    return plain if quoting == "auto" and against > max(plain.odd - quoted.odd, 0) else quoted


def _cut_plain(sample: str, delimiter: str, skip: int) -> _Cut:
    rows, start, cells = [], skip, 0
    line = 1 + line_ends(sample[:skip])
    for match in LINE.finditer(sample, skip):
        end = match.end()
        content = match[0].rstrip("\r\n")
        parts = content.split(delimiter) if delimiter else [content]
        if any(part.strip() for part in parts):
            rows.append(_Row(parts, start, end, line))
            cells += len(parts)
        start, line = end, line + 1
        if end >= len(sample) or len(rows) >= ROWS or cells >= CELLS:
            break
    return _Cut(delimiter, False, rows)


def _cut_quoted(sample: str, delimiter: str, skip: int, whole: bool) -> _Cut:
    rows: list[_Row] = []
    cells: list[str] = []
    start, line, total = skip, 1 + line_ends(sample[:skip]), 0
    for match in _cell_pattern(delimiter).finditer(sample, skip):
        quoted, plain, ending = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        if ending == delimiter and ending:
            continue
        if any(cell.strip() for cell in cells) or quoted is not None:
            rows.append(_Row(cells, start, match.end(), line))
        line += line_ends(sample[start : match.end()])
        total, start, cells = total + len(cells), match.end(), []
        if start >= len(sample) or len(rows) >= ROWS or total >= CELLS:
            break
    if not whole and len(rows) > 1 and rows[-1].end >= len(sample):
        rows.pop()  # the sample may end inside a quoted cell
    return _Cut(delimiter, True, rows)


def line_ends(text: str) -> int:
    """Line ends, as editors count them."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    """One cell and what ends it. A quote that does not close before a delimiter or line end is a character."""
    mark = re.escape(delimiter)
    ending = rf"{mark}|\r\n|\r|\n|\Z" if mark else r"\r\n|\r|\n|\Z"
    return re.compile(rf'(?:"((?:[^"]++|"")*+)"(?={ending})|([^{mark}\r\n]*+))({ending})')


# ---- the header ----


def _with_header(cut: _Cut, text: bytes, sample: str, source: str, data: Data) -> Dialect:
    place = _header_place(cut, data)
    named = {mark: name for name, mark in DELIMITERS.items()}
    notes = [f"delimiter: {named.get(cut.delimiter, 'none, one column')}"]
    if not cut.quoting:
        notes.append("quoting: off, double quotes are plain characters")
    if place is None:
        names, first = numbered(cut.width), cut.rows[0]
        offset, line = len(sample[: first.start].encode()), first.line
        notes.append(f"no header row: columns are named {_listed(names)}")
    else:
        row = cut.rows[place]
        names, changes = name_columns(row.cells, source)
        offset = len(sample[: row.end].encode())
        line = row.line + line_ends(sample[row.start : row.end])
        if place or row.line > 1:
            notes.append(f"header in line {row.line}" + (f", {place} lines above it skipped" if place else ""))
        notes += changes
    return Dialect(cut.delimiter, cut.quoting, tuple(names), offset, line, tuple(notes))


def _header_place(cut: _Cut, data: Data) -> int | None:
    """Which row is the header; None where there is none."""
    if data.header is False:
        return None
    if data.header != "auto":
        return 0
    if cut.titled:
        return cut.first
    first, rest = cut.rows[0].cells, cut.rows[1:]
    below = [row.cells for row in rest if len(row.cells) == len(first)][:200]
    return 0 if is_header(first, below) else None


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]}"
