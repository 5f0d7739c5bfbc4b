"""Files inside a table are read when they are needed, few of them at a time, and are the same bytes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import row_groups
from ftkit.data.embedded import Embedded
from ftkit.data.parquet import from_arrow
from ftkit.data.read import read
from ftkit.data.row_groups import Groups
from ftkit.data.table import Table
from ftkit.data.write import write
from ftkit.errors import InputError
from ftkit.recipe import Data

LARGE = 20_000  # bytes of a file


def held(path: Path, count: int, group: int, large: int = LARGE) -> list[bytes]:
    """A table of files; returns them."""
    rng = np.random.default_rng(count)
    files = [b"\xff" + rng.bytes(large) for _ in range(count)]
    cells = [{"bytes": one, "path": f"{number}.png"} for number, one in enumerate(files)]
    labels = [f"label {number % 3}" for number in range(count)]
    pq.write_table(pa.table({"id": range(count), "image": cells, "label": labels}), path, row_group_size=group)
    return files


def table_of(path: Path) -> Table:
    return read(str(path), Data(train=str(path)))


def column_of(table: Table) -> Groups:
    column = table.frame["image"].iloc[0].column
    assert isinstance(column, Groups)
    return column


def test_a_cell_gives_its_bytes(tmp_path: Path) -> None:
    files = held(tmp_path / "a.parquet", 7, group=3)
    table = table_of(tmp_path / "a.parquet")
    assert list(table.frame) == ["id", "image", "label"] and table.frame["id"].tolist() == [str(i) for i in range(7)]
    assert [cell.read() for cell in table.frame["image"]] == files
    assert [str(cell) for cell in table.frame["image"]] == [f"{number}.png" for number in range(7)]
    with table.frame["image"].iloc[6].open() as file:
        assert file.read() == files[6]


@pytest.mark.parametrize("group", [10, 10_000])
def test_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int) -> None:
    """Row groups like those of the hub, and one for all, as most other writers make it."""
    monkeypatch.setattr(row_groups, "MOST", 40 * LARGE)
    peaks = {}
    for count in (100, 1000):
        path = tmp_path / f"{count}.parquet"
        # a page holds 1,024 rows at least, whatever their size, unless the writer is told to look more often
        cells = [{"bytes": np.random.default_rng(i).bytes(LARGE), "path": None} for i in range(count)]
        pq.write_table(pa.table({"image": cells}), path, row_group_size=group, write_batch_size=10)
        del cells
        before, peaks[count], most = pa.total_allocated_bytes(), 0, 0
        table = table_of(path)
        for cell in table.frame["image"]:
            assert len(cell.read()) == LARGE
            peaks[count] = max(peaks[count], pa.total_allocated_bytes() - before)
            most = max(most, row_groups.KEPT.held)
        assert most <= 40 * LARGE
    assert peaks[1000] < 1.5 * peaks[100] + LARGE and peaks[1000] < 300 * LARGE


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.integers(0, 19), max_size=30),
    group=st.sampled_from([1, 3, 7, 20]),
    most=st.sampled_from([50, 1200, 10_000]),
)
def test_rows_in_any_order(tmp_path_factory: Any, rows: list[int], group: int, most: int) -> None:
    """Whether row groups fit or not, and however few of them are kept."""
    folder = tmp_path_factory.mktemp("held")
    files = held(folder / "a.parquet", 20, group, large=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_groups, "MOST", most)
        patch.setattr(row_groups, "PIECE", 2)
        table = table_of(folder / "a.parquet")
        assert [table.frame["image"].iloc[row].read() for row in rows] == [files[row] for row in rows]


def test_a_row_group_is_read_once_while_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(tmp_path / "a.parquet", 60, group=20)
    table = table_of(tmp_path / "a.parquet")
    reads = list[int]()
    plain = pq.ParquetFile.read_row_group

    def counted(self: Any, number: int, **options: Any) -> Any:
        reads.append(number)
        return plain(self, number, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    for cell in table.frame["image"]:
        cell.read()
    assert reads == [0, 1, 2]


def test_what_a_cell_may_lack(tmp_path: Path) -> None:
    cells = [
        {"bytes": b"\xff1", "path": None},
        {"bytes": None, "path": "b.png"},
        None,
        {"bytes": b"", "path": " c.png "},
    ]
    pq.write_table(pa.table({"image": cells, "n": [1, 2, 3, 4]}), tmp_path / "a.parquet")
    found = table_of(tmp_path / "a.parquet").frame["image"].tolist()
    assert [one.read() for one in found] == [b"\xff1", None, None, b""]
    assert [one.name for one in found] == ["", "b.png", "", "c.png"]
    assert [str(one) for one in found] == ["row 1", "b.png", "row 3", "c.png"]
    with pytest.raises(OSError, match="nothing is stored"):
        found[1].open()


def test_columns_of_bytes_alone(tmp_path: Path) -> None:
    """Text that some writers store as bytes is none, and stays in its cells."""
    table = pa.table(
        {"image": [None, b"\x89PNG", b"\xff\xd8"], "said": [b"plum", b"saw", None], "only": [{"bytes": b"\xff"}] * 3}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    frame = table_of(tmp_path / "a.parquet").frame
    assert list(frame) == ["image", "said", "only"]
    assert [cell.read() for cell in frame["image"]] == [None, b"\x89PNG", b"\xff\xd8"]
    assert frame["said"].tolist() == [b"plum", b"saw", ""]
    assert [cell.read() for cell in frame["only"]] == [b"\xff"] * 3


def test_a_packed_file_and_a_table_in_memory(tmp_path: Path) -> None:
    files = held(tmp_path / "a.parquet", 5, group=2)
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    packed = table_of(tmp_path / "b.parquet.gz").frame["image"]
    mapped = from_arrow(pq.read_table(tmp_path / "a.parquet"), "org/name").frame["image"]
    for cells in (packed, mapped):
        assert [cell.read() for cell in cells] == files and str(cells.iloc[1]) == "1.png"


def test_a_file_that_has_changed(tmp_path: Path) -> None:
    held(tmp_path / "a.parquet", 5, group=2)
    cell: Embedded = table_of(tmp_path / "a.parquet").frame["image"].iloc[4]
    held(tmp_path / "a.parquet", 6, group=2)
    with pytest.raises(OSError, match="another file"):
        cell.read()
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        cell.open()


def test_a_damaged_row_group_is_an_error_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    held(path, 40, group=10)
    meta = pq.ParquetFile(path).metadata.row_group(2).column(1)
    raw = bytearray(path.read_bytes())
    raw[meta.dictionary_page_offset : meta.dictionary_page_offset + 20] = b"\xee" * 20
    path.write_bytes(raw)
    cells = table_of(path).frame["image"]
    assert cells.iloc[5].read()
    with pytest.raises(OSError):
        cells.iloc[25].read()


def test_a_large_row_group_that_is_damaged_fails_at_each_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    held(path, 40, group=40)
    meta = pq.ParquetFile(path).metadata.row_group(0).column(1)
    raw = bytearray(path.read_bytes())
    raw[meta.dictionary_page_offset : meta.dictionary_page_offset + 20] = b"\xee" * 20
    path.write_bytes(raw)
    monkeypatch.setattr(row_groups, "MOST", 10)
    for cell in table_of(path).frame["image"]:
        with pytest.raises(OSError) as found:
            cell.read()
        assert found.value.strerror, "it says why"


def test_many_tables_share_what_is_kept_and_none_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "MOST", 25 * LARGE)
    for large in (False, True):
        if large:
            monkeypatch.setattr(row_groups, "MOST", 10)
        opened = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(4):
            files = held(tmp_path / f"{large}{number}.parquet", 20, group=20)
            assert [cell.read() for cell in table_of(tmp_path / f"{large}{number}.parquet").frame["image"]] == files
            assert row_groups.KEPT.held <= 25 * LARGE
        assert len(list(Path("/proc/self/fd").iterdir())) == opened


def test_names_of_files_that_lie_elsewhere_are_text(tmp_path: Path) -> None:
    """So that rows of one file are known to be of one."""
    cells = [{"bytes": None, "path": "a.mp4"}, {"bytes": None, "path": "a.mp4"}, None]
    kinds = [pa.struct({"bytes": kind, "path": pa.string()}) for kind in (pa.binary(), pa.null())]
    tables = [pa.table({"video": pa.array(cells, kind)}) for kind in kinds]
    pq.write_table(tables[0], tmp_path / "a.parquet")
    pq.write_table(tables[1], tmp_path / "b.parquet")
    stored = [table_of(tmp_path / f"{name}.parquet").frame for name in "ab"]
    for frame in (*stored, *(from_arrow(table, "org/name").frame for table in tables)):
        assert frame["video"].tolist() == ["a.mp4", "a.mp4", ""] and frame["video"].duplicated().tolist()[1]


def test_one_text_among_pictures_and_many_blanks(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [*[None] * 300, b"<html>404</html>", b"\xff\xd8"]}), tmp_path / "a.parquet")
    cells = table_of(tmp_path / "a.parquet").frame["image"]
    assert [cell.read() for cell in cells[-2:]] == [b"<html>404</html>", b"\xff\xd8"]


def test_a_column_called_like_a_part_of_another(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [{"bytes": b"\xff"}], "image.bytes": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="image.bytes"):
        table_of(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["out.parquet", "out.parquet.gz", "out.csv", "out.jsonl"])
def test_files_are_written_again(tmp_path: Path, name: str) -> None:
    """As they were stored, or by their names where the file type holds none."""
    path, out = tmp_path / ("a.parquet.gz" if name.endswith("gz") else "a.parquet"), tmp_path / name
    files = held(tmp_path / "a.parquet", 250, group=60, large=50)
    if name.endswith("gz"):
        path.write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    table = table_of(path)
    rows = np.array([3, 249, 0, *range(200)])
    frame = table.frame.iloc[rows].reset_index(drop=True).assign(prediction="p")
    write(frame, out, str(path), Data(train=str(path)), table.lines[rows])
    again = table_of(out).frame
    assert list(again) == ["id", "image", "label", "prediction"] and again["id"].tolist() == [str(row) for row in rows]
    if "parquet" not in name:
        assert again["image"].tolist() == [f"{row}.png" for row in rows]
        return
    assert [cell.read() for cell in again["image"]] == [files[row] for row in rows]
    if not name.endswith("gz"):
        assert pq.read_schema(out).field("image").type == pq.read_schema(path).field("image").type
        assert pq.ParquetFile(out).num_row_groups == 3
