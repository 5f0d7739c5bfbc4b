"""JSON, JSON Lines and Parquet: numbers as their shortest text, lists as they are, bad rows counted."""

from __future__ import annotations

import datetime
import decimal
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import parquet, records
from ftkit.data.cells import Cells
from ftkit.errors import InputError


def cells_of(document: Any, lines: bool = False) -> Cells:
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return records.read(text.encode(), "x.json", lines)


def rows_of(cells: Cells) -> list[list[Any]]:
    return cells.frame.to_numpy().tolist()


ROWS = [{"text": "I like it", "label": "pos"}, {"text": "I hate it", "label": "neg"}]
EXPECTED = [["I like it", "pos"], ["I hate it", "neg"]]


@pytest.mark.parametrize(
    "document",
    [
        ROWS,
        {"text": ["I like it", "I hate it"], "label": ["pos", "neg"]},
        {"text": {"0": "I like it", "1": "I hate it"}, "label": {"0": "pos", "1": "neg"}},
        {"data": ROWS},
        {"version": 2, "data": ROWS},
        {"data": {"text": ["I like it", "I hate it"], "label": ["pos", "neg"]}},
        "\n".join(map(json.dumps, ROWS)),
        json.dumps(ROWS, indent=2),
    ],
)
def test_each_shape_of_json(document: Any) -> None:
    cells = cells_of(document)
    assert rows_of(cells) == EXPECTED and list(cells.frame.columns) == ["text", "label"]
    assert cells.lines.tolist() == [1, 2]


def test_values_become_their_shortest_text() -> None:
    rows = [
        {"a": 1, "b": 1.0, "c": True, "d": None, "e": ["x", 2], "f": {"k": 1}},
        {"a": 0.5, "b": None, "c": False, "d": "NA", "e": [], "f": None, "g": float("nan")},
        {"a": 12345678901234567890, "b": 2.0, "c": "007", "d": "null", "e": None, "f": "", "g": 1e-7},
    ]
    assert rows_of(cells_of(rows)) == [
        ["1", "1", "true", "", ["x", 2], '{"k":1}', ""],
        ["0.5", "", "false", "NA", [], "", ""],
        ["12345678901234567890", "2", "007", "null", "", "", "1e-07"],
    ]


def test_bad_lines_are_counted_and_blank_ones_are_not() -> None:
    good = [json.dumps(row) for row in ROWS * 3]
    lines = [*good[:2], "", "{broken", *good[2:4], '["a"]', '{"text": "half \\ud800", "label": "pos"}', *good[4:]]
    cells = cells_of("\r\n".join(lines), lines=True)
    assert cells.lines.tolist() == [1, 2, 5, 6, 9, 10]
    assert [bad.line for bad in cells.bad] == [4, 7, 8]
    assert [bad.reason.split(":")[0] for bad in cells.bad] == [
        "not JSON",
        "not an object",
        "a text holds half of a character (a lone surrogate)",
    ]


def test_mostly_bad_lines_are_an_error() -> None:
    with pytest.raises(InputError, match=r"2 of 3 lines are no JSON objects; line 2: not JSON"):
        cells_of('{"a": 1}\nb\nc\n', lines=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1},\n{"a": 2\n]', "invalid JSON in line 3"),
        ('{"a": [1, 2], "b": [1]}', "JSON, but not a table"),
        ('{"a": 1}', "JSON, but not a table"),
        ('"text"', "JSON, but not a table"),
        ("[1, 2, 3]", "3 of 3 rows are bad; row 1: not an object"),
        ("[" * 100_000, "invalid JSON"),
        ("[" + "1" * 5000 + "]", "invalid JSON"),
    ],
)
def test_json_that_is_no_table(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cells_of(text)


def parquet_of(table: pa.Table) -> Cells:
    out = io.BytesIO()
    pq.write_table(table, out)
    return parquet.read(out.getvalue(), "x.parquet")


def test_parquet_columns_become_text() -> None:
    stamp, day = datetime.datetime(2024, 3, 1, 9, 30), datetime.date(2024, 3, 1)
    columns = {
        "text": pa.array(["a", None]),
        "whole": pa.array([1.0, None]),
        "float": pa.array([0.1, 1e16]),
        "single": pa.array([0.1, float("nan")], pa.float32()),
        "int": pa.array([7, None], pa.int8()),
        "bool": pa.array([True, None]),
        "category": pa.array(["x", "y"]).dictionary_encode(),
        "stamp": pa.array([stamp, None]),
        "midnight": pa.array([datetime.datetime(2024, 3, 1), None]),
        "day": pa.array([day, None]),
        "money": pa.array([decimal.Decimal("1.50"), None]),
        "nothing": pa.nulls(2),
        "wait": pa.array([datetime.timedelta(seconds=90), None]),
    }
    cells = parquet_of(pa.table(columns))
    assert cells.frame.iloc[0].tolist() == [
        *("a", "1", "0.1", "0.1", "7", "true", "x", "2024-03-01 09:30:00", "2024-03-01", "2024-03-01"),
        *("1.50", "", "0:01:30"),
    ]
    assert cells.frame.iloc[1].tolist() == ["", "", "1e+16", "", "", "", "y", "", "", "", "", "", ""]


def test_parquet_lists_and_media_stay() -> None:
    table = pa.table({"tags": [["a", "b"], None], "image": [{"bytes": b"\x89PNG", "path": "a.png"}, None]})
    (tags, image), (nothing, none) = rows_of(parquet_of(table))
    assert (tags, str(image), image.stored()) == (["a", "b"], "a.png", {"bytes": b"\x89PNG", "path": "a.png"})
    assert nothing == "" and none.stored() is None


def test_the_index_of_pandas_is_no_column() -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"]})[lambda made: made["text"] != "b"]
    out = io.BytesIO()
    frame.to_parquet(out)
    cells = parquet.read(out.getvalue(), "x")
    assert list(cells.frame.columns) == ["text"] and cells.frame.index.tolist() == [0, 1]


def test_broken_parquet_is_an_input_error() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["a" * 50] * 100, "label": ["x", "y"] * 50}), out)
    raw = out.getvalue()
    for broken in (
        raw[:-20],
        raw[: len(raw) // 2],
        b"PAR1",
        b"PAR1" + bytes(100) + b"PAR1",
        raw[:-12] + b"\xff" * 8 + b"PAR1",
    ):
        with pytest.raises(InputError, match="Parquet"):
            parquet.read(broken, "x.parquet")
    with pytest.raises(InputError, match="more than once: 'a'"):
        parquet_of(pa.table([[1], [2]], names=["a", "a"]))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(JSON, st.booleans())
def test_any_json_is_a_table_or_an_input_error(document: Any, lines: bool) -> None:
    try:
        cells = records.read(json.dumps(document).encode(), "x", lines)
    except InputError:
        return
    assert len(cells.frame) == len(cells.lines)
    assert all(isinstance(value, str | list) for row in rows_of(cells) for value in row)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(JSON.filter(lambda value: not isinstance(value, list)), max_size=6),
    st.lists(st.sampled_from(["{", "x", "[]", "", " "]), max_size=2),
)
def test_any_lines_are_a_table_or_an_input_error(documents: list[Any], others: list[str]) -> None:
    lines = [*map(json.dumps, documents), *others]
    try:
        cells = records.read("\n".join(lines).encode(), "x", True)
    except InputError:
        return
    assert len(cells.frame) + len(cells.bad) <= len(lines)


@pytest.mark.slow
def test_real_files(shared: Path) -> None:
    paths = sorted([*(shared / "data").glob("*/*.json"), *(shared / "data").glob("*/*.jsonl")])
    assert len(paths) >= 20
    for path in paths:
        cells = records.read(path.read_bytes(), str(path), path.suffix == ".jsonl")
        wanted = (
            json.loads(path.read_text())
            if path.suffix == ".json"
            else [json.loads(line) for line in path.read_text().splitlines()]
        )
        assert len(cells.frame) == len(wanted) and not cells.bad
        first = {name: value for name, value in wanted[0].items() if isinstance(value, str | list)}
        assert {name: cells.frame[name].iloc[0] for name in first} == first
