"""Columns from file names, and folders of recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftkit.data.patterns import fields, matched
from ftkit.data.read import read
from ftkit.errors import InputError
from ftkit.recipe import Data


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("{user}_{run}.csv", "s01_2.csv", ("s01", "2")),
        ("{user}_{run}.csv", "deep/s01_2.csv", ("s01", "2")),
        ("{label}/{user}.csv", "walk/s01.csv", ("walk", "s01")),
        ("{user}_{_}.csv", "s01_anything.csv", ("s01",)),
        ("{user}.csv", "s01.txt", None),
        ("{a}-{b}.csv", "x.csv", None),
        ("{a}(1).csv", "x(1).csv", ("x",)),
    ],
)
def test_fields_of_a_name(pattern: str, name: str, found: tuple[str, ...] | None) -> None:
    assert matched(pattern, [name]) == [found]


def test_a_pattern_needs_fields_of_different_names() -> None:
    assert fields("{user}_{_}_{run}.csv") == ["user", "run"]
    for wrong, why in (("all.csv", "no"), ("{a}_{a}.csv", "twice"), ("{_}.csv", "no")):
        with pytest.raises(InputError, match=why):
            matched(wrong, ["x.csv"])


def recordings(folder: Path, *names: str, header: str = "x,y,t") -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "".join(f"{number}.{i},{i * i},{i / 10}\n" for i in range(20))
        path.write_text(f"{header}\n{rows}", encoding="utf-8")
    return folder


def test_a_folder_of_recordings_is_one_table(tmp_path: Path) -> None:
    folder = recordings(tmp_path / "all", "s01_1.csv", "s01_2.csv", "s02_1.csv")
    table = read(str(folder), Data(train="-", path="{user}_{run}.csv"))
    assert list(table.frame) == ["x", "y", "t", "file", "user", "run"]
    assert len(table.frame) == 60 and table.frame["user"].value_counts().to_dict() == {"s01": 40, "s02": 20}
    assert "columns from file names: user, run" in table.notes
    plain = read(str(folder), Data(train="-"))
    assert plain.sha256 == table.sha256 and list(plain.frame) == ["x", "y", "t", "file"]
    (folder / "s02_1.csv").write_text("x,y,t\n1,2,3\n", encoding="utf-8")
    assert read(str(folder), Data(train="-")).sha256 != table.sha256


def test_subfolders_are_labels(tmp_path: Path) -> None:
    table = read(str(recordings(tmp_path, "sit/a.csv", "walk/b.csv")), Data(train="-"))
    assert table.frame["label"].unique().tolist() == ["sit", "walk"]


def test_a_file_that_does_not_fit_is_one_bad_row(tmp_path: Path) -> None:
    folder = recordings(tmp_path, "s01_1.csv", "notes.csv", "s02_1.csv")
    table = read(str(folder), Data(train="-", path="{user}_{run}.csv"))
    assert [bad.reason for bad in table.bad] == ["file name does not fit data.path"]
    assert set(table.frame["user"]) == {"s01", "s02"}
    with pytest.raises(InputError, match="no file fits"):
        read(str(folder), Data(train="-", path="{a}+{b}.csv"))


def test_a_broken_file_is_one_bad_row(tmp_path: Path) -> None:
    folder = recordings(tmp_path, "a.csv", "b.csv")
    (folder / "c.csv").write_text("", encoding="utf-8")
    table = read(str(folder), Data(train="-"))
    assert len(table.frame) == 40 and len(table.bad) == 1 and "'c.csv'" in table.bad[0].reason


def test_files_without_a_common_column_are_refused(tmp_path: Path) -> None:
    recordings(tmp_path, "a.csv")
    (tmp_path / "b.csv").write_text("u,v\n1,2\n3,4\n", encoding="utf-8")
    with pytest.raises(InputError, match="share no column"):
        read(str(tmp_path), Data(train="-"))


def test_a_single_file_has_its_own_name(tmp_path: Path) -> None:
    path = recordings(tmp_path, "s07_3.csv") / "s07_3.csv"
    frame = read(str(path), Data(train="-", path="{user}_{run}.csv")).frame
    assert set(frame["user"]) == {"s07"} and set(frame["run"]) == {"3"} and set(frame["file"]) == {"s07_3.csv"}
    with pytest.raises(InputError, match="no file fits"):
        read(str(path), Data(train="-", path="{user}+{run}.csv"))


def test_pictures_in_folders_of_folders_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    for name in ("photo/dog/1.jpg", "photo/cat/1.jpg", "art/dog/2.png", "art/.hidden/3.png", "art/dog/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    table = read(str(tmp_path), Data(train="-", path="{domain}/{label}/{_}"))
    assert table.frame.to_dict("records") == [
        {"file": "art/dog/2.png", "domain": "art", "label": "dog"},
        {"file": "photo/cat/1.jpg", "domain": "photo", "label": "cat"},
        {"file": "photo/dog/1.jpg", "domain": "photo", "label": "dog"},
    ]
    assert any("1 file left out" in note for note in table.notes)
