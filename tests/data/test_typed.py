"""Numbers, dates and truth values of a file are still that when its rows are written again with new columns."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from ftkit.data.read import read
from ftkit.data.write import write
from ftkit.recipe import Data

ROWS: list[dict[str, Any]] = [
    {"id": 7, "text": "fine", "price": 1.5, "sold": True, "tags": ["a", "b"], "more": {"x": 1}},
    {"id": 8, "text": "007", "price": None, "sold": False, "tags": [], "more": None},
    {"id": 10**20, "text": "", "price": 2.0, "sold": None, "tags": ["c"], "more": {}},
]


def again(path: Path, out: Path, keep: list[int] | None = None, **data: Any) -> None:
    """The rows of a file, or some of them, with a new column."""
    how = Data.model_validate({"train": str(path)} | data)
    table = read(str(path), how)
    rows = np.arange(len(table.frame)) if keep is None else np.array(keep)
    frame = table.frame.iloc[rows].reset_index(drop=True).assign(prediction=[f"p{row}" for row in rows])
    write(frame, out, str(path), how, table.lines[rows])


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.jsonl.gz"])
def test_json_keeps_its_values(tmp_path: Path, name: str) -> None:
    path, out = tmp_path / name, tmp_path / f"out-{name}"
    text = json.dumps(ROWS) if name == "a.json" else "\n".join(json.dumps(row) for row in ROWS)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    again(path, out, keep=[0, 2])
    raw = gzip.decompress(out.read_bytes()) if name.endswith("gz") else out.read_bytes()
    found = json.loads(raw) if name == "a.json" else [json.loads(line) for line in raw.splitlines()]
    assert found == [ROWS[0] | {"prediction": "p0"}, ROWS[2] | {"prediction": "p2"}]


def test_a_bad_line_moves_no_value(tmp_path: Path) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    path.write_text('{"text": "a", "n": 1}\nbroken\n{"text": "b", "n": 2}\n{"text": "c"}\n')
    again(path, out)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["text"], row["n"], row["prediction"]) for row in found] == [
        ("a", 1, "p0"),
        ("b", 2, "p1"),
        ("c", None, "p2"),
    ]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path, out = tmp_path / "a.parquet", tmp_path / "out.parquet"
    table = pa.table(
        {
            "n": pa.array([1, None, 3], pa.int16()),
            "x": pa.array([0.5, 1.5, None], pa.float32()),
            "when": pa.array([datetime.datetime(2024, 3, 1), None, None], pa.timestamp("ms")),
            "text": pa.array(["a", "", None]),
            "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
            "ids": pa.array([[1], [], None], pa.list_(pa.int32())),
        }
    )
    pq.write_table(table, path)
    again(path, out, keep=[2, 0])
    found = pq.read_table(out)
    assert found.select(table.column_names).equals(table.take([2, 0]))
    assert found["prediction"].to_pylist() == ["p2", "p0"]


def test_a_workbook_keeps_numbers_and_dates(tmp_path: Path) -> None:
    path, out = tmp_path / "a.xlsx", tmp_path / "out.xlsx"
    book = Workbook()
    sheet: Any = book.active
    rows = [["text", "n", "when", "ok"], ["a", 1, datetime.datetime(2024, 3, 1, 12), True], [None] * 4, ["=b", 2.5]]
    for row in [["A title"], *rows]:
        sheet.append(row)
    sheet.cell(5, 1).data_type = "s"
    book.save(path)
    again(path, out)
    found = [list(row) for row in load_workbook(out).active.iter_rows(values_only=True)]
    assert found[0] == ["text", "n", "when", "ok", "prediction"]
    assert found[1] == ["a", 1, datetime.datetime(2024, 3, 1, 12), True, "p0"]
    assert found[2] == ["=b", 2.5, None, None, "p1"]


def test_renamed_columns_keep_their_values(tmp_path: Path) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    path.write_text('{"body": "a", "self": 1}\n')
    again(path, out, columns={"text": "body", "n": "self", "m": "self"})
    assert json.loads(out.read_text()) == {"text": "a", "n": 1, "m": 1, "prediction": "p0"}


def test_another_file_type_is_written_as_text(tmp_path: Path) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "out.csv"
    path.write_text('{"text": "a", "n": 1.0}\n')
    again(path, out)
    assert out.read_text() == "text,n,prediction\na,1,p0\n"


VALUES = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text('ab,"', max_size=4)
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "self"]), VALUES), min_size=1, max_size=6))
def test_any_objects_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    rows = [{"text": "x"} | row for row in rows]
    folder = tmp_path_factory.mktemp("typed")
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    again(folder / "a.jsonl", folder / "out.jsonl")
    found = pd.Series((folder / "out.jsonl").read_text().splitlines()).map(json.loads)
    for before, after in zip(rows, found, strict=True):
        assert {key: value for key, value in after.items() if value is not None and key != "prediction"} == {
            key: value for key, value in before.items() if value is not None
        }
