"""JSON and JSON Lines -> cells. Numbers become their shortest text, lists stay lists."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.cells import Cells
from ftkit.data.table import BadRow
from ftkit.errors import InputError

SHAPES = 'write a list of objects, an object of columns, {"data": [...]}, or one object a line (.jsonl)'


def read(text: bytes, source: str, lines: bool) -> Cells:
    """Rows of UTF-8 JSON; `lines` says that the name is one of JSON Lines, which the content may overrule."""
    rows, bad = values(text, source, lines)
    return Cells(_frame(list(rows.values())), np.fromiter(rows, dtype=np.int64, count=len(rows)), (), tuple(bad))


def values(text: bytes, source: str, lines: bool) -> tuple[dict[int, dict[str, Any]], list[BadRow]]:
    """Row number -> object as it stands there, numbers being numbers; and the rows that cannot be used."""
    first, _, rest = text.lstrip().partition(b"\n")
    if first.startswith(b"["):
        lines = False
    elif not lines and rest and not rest.isspace():
        lines = _is_object(first)
    return _read_lines(text, source) if lines else _read_document(text, source)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def number_text(value: float) -> str:
    """The shortest text of a number: 1.0 is "1", whatever the other rows of its column hold."""
    return str(value).removesuffix(".0")  # numpy's 32-bit floats have a shorter text of their own, 0.1


def _read_lines(text: bytes, source: str) -> tuple[dict[int, dict[str, Any]], list[BadRow]]:
    """One object a line. Bad lines are bad rows, unless most are."""
    rows: dict[int, dict[str, Any]] = {}
    bad: list[BadRow] = []
    for number, line in enumerate(re.split(rb"\r\n|\n|\r", text), 1):
        if not line or line.isspace():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("not an object")
            _refuse_broken_text(value)
            rows[number] = value
        except json.JSONDecodeError as error:
            bad.append(BadRow(source, number, f"not JSON: {error.msg} at character {error.colno}"))
        except (ValueError, RecursionError) as error:
            bad.append(BadRow(source, number, str(error)))
    if len(bad) > len(rows):
        message = f"{source}: {len(bad):,} of {len(bad) + len(rows):,} lines are no JSON objects; line {bad[0].line}: "
        raise InputError(message + bad[0].reason, SHAPES)
    return rows, bad


def _refuse_broken_text(value: dict[str, Any]) -> None:
    if not _encodable(value):
        raise ValueError("a text holds half of a character (a lone surrogate)")


def _encodable(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() or re.search("[\ud800-\udfff]", value) is None
    if isinstance(value, Mapping):
        return all(_encodable(item) for pair in value.items() for item in pair)
    return all(map(_encodable, value)) if isinstance(value, list) else True


def _read_document(text: bytes, source: str) -> tuple[dict[int, dict[str, Any]], list[BadRow]]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{source}: invalid JSON in line {error.lineno}, character {error.colno}: {error.msg}"
        raise InputError(message, SHAPES) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: invalid JSON: {error}", SHAPES) from None
    rows = _rows(document)
    if rows is None:
        raise InputError(f"{source}: JSON, but not a table", SHAPES)
    bad = [
        BadRow(source, number, "not an object" if not isinstance(row, dict) else "a text holds half of a character")
        for number, row in enumerate(rows, 1)
        if not isinstance(row, dict) or not _encodable(row)
    ]
    if len(bad) > len(rows) / 2:
        message = f"{source}: {len(bad):,} of {len(rows):,} rows are bad; row {bad[0].line}: {bad[0].reason}"
        raise InputError(message, SHAPES)
    dropped = {row.line for row in bad}
    return {number: row for number, row in enumerate(rows, 1) if number not in dropped}, bad


def _rows(document: Any) -> list[Any] | None:
    """The rows of a list of objects, of an object of columns, or of either under "data"."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return None
    inner = document.get("data")
    if isinstance(inner, list) and any(isinstance(row, dict) for row in inner):
        return inner
    if isinstance(inner, dict) and (nested := _rows(inner)) is not None:
        return nested
    columns = list(document.values())
    # pandas writes columns as {"text": {"0": …, "1": …}}
    if all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
        columns = [list(column.values()) for column in columns]
    if all(isinstance(column, list) for column in columns) and len(set(map(len, columns))) == 1:
        return [dict(zip(document, row, strict=True)) for row in zip(*columns, strict=True)]
    return None


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame({name: column([row.get(name) for row in rows]) for name in names}, index=range(len(rows)))


def column(values: Iterable[Any]) -> pd.Series:
    """A column of text; of objects where a cell is a list."""
    cells = [cell(value) for value in values]
    text = all(isinstance(value, str) for value in cells)
    return pd.Series(cells, dtype="str" if text else "object")


def cell(value: Any) -> Any:
    """A JSON value as a cell: text, or the list as it is; missing values are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str | list):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)
