"""Excel workbooks: the right sheet, the right header row, cells as text."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import pytest
from openpyxl import Workbook

from ftkit.data import excel
from ftkit.data.cells import Cells
from ftkit.errors import InputError
from ftkit.recipe import Data

ROWS: list[list[Any]] = [["I like it", "pos"], ["I hate it", "neg"], ["It is fine", "pos"], ["Broken again", "neg"]]


def book(**sheets: list[list[Any]]) -> bytes:
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def cells_of(raw: bytes, **keys: object) -> Cells:
    return excel.read(raw, "x.xlsx", Data.model_validate({"train": "x"} | keys))


def rows_of(cells: Cells) -> list[list[str]]:
    return cells.frame.to_numpy().tolist()


def test_the_fullest_sheet_is_read_past_its_titles() -> None:
    raw = book(
        Notes=[["made by hand"], ["in March"]],
        Data=[["Feedback of the shop"], ["as of 1 March", None], [], ["review", "label"], *ROWS],
        Old=[["review", "label"], ["x", "y"]],
    )
    cells = cells_of(raw)
    assert rows_of(cells) == ROWS
    assert list(cells.frame.columns) == ["review", "label"]
    assert cells.lines.tolist() == [5, 6, 7, 8]
    assert cells.notes == ("sheet 'Data' (2 of 3), header in row 4, 2 title rows above it skipped",)


def test_sheet_and_header_can_be_named() -> None:
    raw = book(A=[["text", "label"], *ROWS], B=[["text", "label"], ["only", "one"]])
    assert len(cells_of(raw, sheet="B").frame) == len(cells_of(raw, sheet=2).frame) == 1
    assert list(cells_of(raw, header=2).frame.columns) == ["I like it", "pos"]
    assert rows_of(cells_of(raw, header=False))[0] == ["text", "label"]
    with pytest.raises(InputError, match="no sheet 'Bb' among 2") as caught:
        cells_of(raw, sheet="Bb")
    assert "did you mean B?" in caught.value.hint
    with pytest.raises(InputError, match="row 9"):
        cells_of(raw, header=9)


def test_a_sheet_without_a_header() -> None:
    cells = cells_of(book(A=[["It broke after a day", 0], ["I love it so much", 1], ["Good case for the price", 1]]))
    assert list(cells.frame.columns) == ["column_1", "column_2"] and len(cells.frame) == 3
    assert cells.lines.tolist() == [1, 2, 3]


def test_cells_become_the_text_that_excel_shows() -> None:
    day, moment = datetime.date(2024, 3, 1), datetime.datetime(2024, 3, 1, 9, 30)
    values = ["007", 7, 7.0, 0.1 + 0.2, True, day, moment, datetime.time(9, 30), "NA", "=1+1x", 1234567890123]
    sheet = [[f"name{i}" for i in range(len(values))], values, ["x"] * len(values)]
    raw = book(A=sheet)
    shown = ["007", "7", "7", "0.3", "TRUE", "2024-03-01", "2024-03-01 09:30:00", "09:30:00", "NA"]
    assert rows_of(cells_of(raw))[0][:9] == shown
    assert rows_of(cells_of(raw))[0][10] == "1234567890123"


def test_empty_rows_and_columns_around_the_table_are_dropped() -> None:
    rows = [["text", "label", None, None], *[[*row, None, ""] for row in ROWS[:2]], [], *[[*row] for row in ROWS[2:]]]
    cells = cells_of(book(A=[*rows, [None, None], [""]]))
    assert rows_of(cells) == ROWS and list(cells.frame.columns) == ["text", "label"]
    assert cells.lines.tolist() == [2, 3, 5, 6]


def test_merged_titles_and_hidden_sheets() -> None:
    made = Workbook()
    sheet = made.active
    sheet.title = "Shown"
    sheet.append(["All reviews", None])
    sheet.merge_cells("A1:B1")
    for row in [["text", "label"], *ROWS]:
        sheet.append(row)
    hidden = made.create_sheet("Hidden")
    for number in range(20):
        hidden.append([number, number])
    hidden.sheet_state = "hidden"
    out = io.BytesIO()
    made.save(out)
    cells = cells_of(out.getvalue())
    assert rows_of(cells) == ROWS and cells.notes[0].startswith("sheet 'Shown' (1 of 2), header in row 2")


def test_a_wrong_size_in_the_file_hides_no_rows() -> None:
    raw, out = book(A=[["text", "label"], *ROWS]), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'<dimension ref="A1:B5"', b'<dimension ref="A1"'))
    assert out.getvalue() != raw
    assert rows_of(cells_of(out.getvalue())) == ROWS


def test_broken_workbooks_are_input_errors() -> None:
    raw = book(A=[["text", "label"], *ROWS])
    with pytest.raises(InputError, match="the workbook is empty|is empty"):
        cells_of(book(A=[]))
    tried = 0
    for cut in range(0, len(raw), 97):
        with pytest.raises(InputError):
            cells_of(raw[:cut])
        tried += 1
    assert tried > 40
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name)[:200])
    with pytest.raises(InputError, match="cannot be read as an Excel workbook"):
        cells_of(out.getvalue())


def test_columns_must_differ() -> None:
    with pytest.raises(InputError, match="more than once: 'label'"):
        cells_of(book(A=[["text", "label", "label"], ["I like it", 1, 1], ["I do not", 0, 0]]))
