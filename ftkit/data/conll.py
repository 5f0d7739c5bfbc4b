"""CoNLL files: a token a line with its columns, a blank line between sentences -> a row for each sentence, and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data import tags
from ftkit.data.cells import Cells
from ftkit.data.table import BadRow
from ftkit.errors import InputError

TOKENS, TAGS = "tokens", "tags"
SUFFIXES = ("conll", "conll2002", "conll2003", "iob", "iob2", "bio")
DOCUMENT = "-DOCSTART-"
NOTHING = "_"
"""stands in a file where a token has no value"""
SAMPLE = 1 << 16  # bytes that are looked at
SURE = 0.98  # of the lines that must look the part

Line = tuple[int, list[str]]
"""number from 1, cells"""


def looks_like(raw: bytes) -> bool:
    """Whether a text without a telling name is a CoNLL file: equal columns, the last of them tags, and blank lines."""
    lines = re.split(r"\r\n|\n|\r", raw[:SAMPLE].decode("latin-1").strip("\r\n"))
    if len(raw) > SAMPLE:
        lines = lines[:-1]  # cut off somewhere
    rows = [_split(line, "\t" in line) for line in lines if line.strip() and not line.startswith((DOCUMENT, "#"))]
    if len(rows) < 2 or not any(not line.strip() for line in lines):
        return False
    width, alike = Counter(map(len, rows)).most_common(1)[0]
    tagged = sum(tags.is_tag(cells[-1]) for cells in rows)
    spans = any(cells[-1][:2] in ("B-", "I-", "S-", "U-") for cells in rows)
    return width >= 2 and spans and min(alike, tagged) >= SURE * len(rows)


def read(text: bytes, source: str) -> Cells:
    """Sentences of UTF-8 text: columns `tokens`, `column_2`, …, and `tags` for the last; cells are lists.

    A sentence with a line of another number of cells is a bad row. Lines of documents (-DOCSTART-) are left
    out and counted, comments are left out.
    """
    lines = re.split(r"\r\n|\n|\r", text.decode("utf-8"))
    tabs = tab_separated(lines)
    sentences, documents = _sentences(lines, tabs)
    if not sentences:
        raise InputError(f"{source}: has no sentences", "give a token and its tag a line, and a blank line between")
    width = Counter(len(cells) for sentence in sentences for _, cells in sentence).most_common(1)[0][0]
    names = [TOKENS, *(f"column_{number}" for number in range(2, width)), *([TAGS] if width > 1 else [])]
    good, bad = [], []
    for sentence in sentences:
        odd = next(((number, len(cells)) for number, cells in sentence if len(cells) != width), None)
        if odd is None:
            good.append(sentence)
        else:
            bad.append(BadRow(source, odd[0], f"ragged line: {odd[1]} columns where {width} are expected"))
    columns = {
        name: pd.Series([[cells[place] for _, cells in sentence] for sentence in good], dtype=object)
        for place, name in enumerate(names)
    }
    notes = [f"CoNLL: {width} columns, {'tabs' if tabs else 'blanks'} between them; the first are the tokens"]
    notes += [f"lines {DOCUMENT} left out: {documents:,}"] if documents else []
    frame = pd.DataFrame(columns, index=range(len(good)))
    return Cells(frame, np.array([sentence[0][0] for sentence in good], dtype=np.int64), tuple(notes), tuple(bad))


def tab_separated(lines: Sequence[str]) -> bool:
    """Whether tabs stand between cells, so that blanks may be part of them."""
    content = [line for line in lines if line.strip() and not line.startswith((DOCUMENT, "#"))]
    return bool(content) and sum("\t" in line for line in content) >= SURE * len(content)


def _split(line: str, tabs: bool) -> list[str]:
    return [cell.strip() for cell in line.split("\t")] if tabs else line.split()


def _sentences(lines: Sequence[str], tabs: bool) -> tuple[list[list[Line]], int]:
    """Sentences, and the number of document lines."""
    sentences: list[list[Line]] = [[]]
    documents = 0
    for number, line in enumerate(lines, 1):
        document = line.startswith(DOCUMENT)
        documents += document
        if document or not line.strip():
            sentences.append([])
        elif not (line.startswith("# ") and not sentences[-1]):  # a comment stands before its sentence
            sentences[-1].append((number, _split(line, tabs)))
    return [sentence for sentence in sentences if sentence], documents


def write(frame: pd.DataFrame, delimiter: str, newline: str) -> tuple[Iterator[str], tuple[str, ...]]:
    """Pieces of text of the columns that have a value a token, and notes on the columns that have none.

    A row without such a value (one that could not be read) gets `_` for each token.
    """
    columns = {str(name): frame.iloc[:, place].tolist() for place, name in enumerate(frame.columns)}
    kept = {name: cells for name, cells in columns.items() if any(map(_is_list, cells))}
    if not kept:
        raise InputError("no column holds a value for each token", "write a .jsonl file instead")
    notes = tuple(
        f"{name}: left out, because a CoNLL file has columns of tokens" for name in columns if name not in kept
    )

    def pieces() -> Iterator[str]:
        for row in zip(*kept.values(), strict=True):
            length = max(len(cell) for cell in row if _is_list(cell)) if any(map(_is_list, row)) else 0
            filled = [[_cell(one, delimiter) for one in cell] if _is_list(cell) else [] for cell in row]
            filled = [[*cells, *[NOTHING] * (length - len(cells))] for cells in filled]
            yield "".join(delimiter.join(line) + newline for line in zip(*filled, strict=True)) + newline

    return pieces(), notes


def _is_list(cell: Any) -> bool:
    return isinstance(cell, list | tuple | np.ndarray)


def _cell(value: Any, delimiter: str) -> str:
    """A value as one cell: nothing in it separates cells or lines."""
    apart = "\t\r\n" if delimiter == "\t" else None
    text = str(value)
    return ("".join("_" if one in apart else one for one in text) if apart else "_".join(text.split())) or NOTHING
