"""Writing: the file type, delimiter and encoding of the source, equal cells when read again, whole or not at all."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ftkit.data.read import read
from ftkit.data.write import write
from ftkit.errors import FtkitError, InputError
from ftkit.recipe import Data

FRAME = pd.DataFrame(
    {"text": ["I like it, really", 'He said "no"', "two\nlines", "007", "NA", ""], "label": list("abcabc")}
)
KINDS = ["csv", "tsv", "txt", "json", "jsonl", "parquet", "xlsx"]


def data(**keys: object) -> Data:
    return Data.model_validate({"train": "x"} | keys)


def seed_file(folder: Path, name: str) -> Path:
    """A source of the type that the name says, to write like."""
    csv = folder / "seed.csv"
    csv.write_bytes(b"text,label\nI like it,pos\nI hate it,neg\n")
    path = folder / f"like-{name}"
    write(read(str(csv), data()).frame, path, str(csv))
    return path


@pytest.mark.parametrize("name", [f"x.{kind}{end}" for kind in KINDS for end in ("", ".gz")])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    like = seed_file(tmp_path, name)
    path = tmp_path / name
    assert write(FRAME, path, str(like)) == ()
    table = read(str(path), data())
    assert table.frame.to_numpy().tolist() == FRAME.to_numpy().tolist()
    assert list(table.frame.columns) == ["text", "label"] and not table.bad
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz") == (like.read_bytes()[:2] == b"\x1f\x8b")


CHINESE = "review;label\r\n很好用;正面\r\n不好用，退货了;负面\r\n还不错的书;正面\r\n"
GERMAN = "review\tlabel\nSchöne Größe\tgut\nMüsste größer sein\tschlecht\nÜberteuert\tschlecht\n"


@pytest.mark.parametrize(
    ("text", "codec", "bom"),
    [
        (CHINESE, "gb18030", b""),
        (CHINESE, "utf-16-le", b"\xff\xfe"),
        (CHINESE, "utf-8", b"\xef\xbb\xbf"),
        (CHINESE, "utf-8", b""),
        (GERMAN, "cp1252", b""),
    ],
)
def test_the_bytes_of_a_table_come_back(tmp_path: Path, text: str, codec: str, bom: bytes) -> None:
    like, path = tmp_path / "like.csv", tmp_path / "again.csv"
    like.write_bytes(bom + text.encode(codec))
    assert write(read(str(like), data()).frame, path, str(like)) == ()
    assert path.read_bytes() == like.read_bytes()


def test_what_the_encoding_cannot_hold_is_written_as_utf8_and_said(tmp_path: Path) -> None:
    like, path = tmp_path / "like.csv", tmp_path / "out.csv"
    like.write_bytes(GERMAN.encode("cp1252"))
    frame = read(str(like), data()).frame.assign(more=["中", "文", "ü"])
    assert write(frame, path, str(like)) == ("encoding: UTF-8, because Windows-1252 cannot hold every character",)
    assert read(str(path), data()).frame.to_numpy().tolist() == frame.to_numpy().tolist()


def test_without_quoting_as_long_as_possible(tmp_path: Path) -> None:
    like, path = tmp_path / "like.txt", tmp_path / "out.txt"
    lines = [f'"Great" phone {i}\t{i % 2}' for i in range(9)]
    like.write_text("\n".join(lines) + "\n")
    frame = read(str(like), data()).frame
    assert write(frame, path, str(like)) == ()
    assert path.read_text().splitlines()[1:] == lines
    frame.iloc[0, 0] = '"Great"\tphone'
    assert write(frame, path, str(like)) == ("quoting is on: a cell holds a delimiter or a line end",)
    assert read(str(path), data()).frame.to_numpy().tolist() == frame.to_numpy().tolist()


def test_numbers_lists_and_missing_values(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", "b"],
            "score": np.array([0.1, 1.0], dtype=np.float32),
            "count": [1, 2],
            "tags": [["x", "y"], []],
            "vector": [np.array([1, 2]), np.array([3])],
            "missing": [None, float("nan")],
            "flag": [True, False],
            "labels": [("b", "a"), ()],
            "mixed": [["x"], "y"],
        }
    )
    texts = [["a", "0.1", "1"], ["b", "1", "2"]]
    for kind in KINDS:
        like, path = seed_file(tmp_path, f"y.{kind}"), tmp_path / f"out.{kind}"
        assert write(frame, path, str(like)) == ()
        found = read(str(path), data(header=True) if kind in ("csv", "tsv", "txt", "xlsx") else data()).frame
        assert found[["text", "score", "count"]].to_numpy().tolist() == texts or kind in ("json", "jsonl")
        assert found["missing"].tolist() == ["", ""]
        lists = kind in ("json", "jsonl", "parquet")
        assert found["tags"].tolist() == ([["x", "y"], []] if lists else ['["x", "y"]', "[]"])
        assert found["labels"].tolist() == ([["b", "a"], []] if lists else ['["b", "a"]', "[]"])
        assert found["mixed"].tolist() == ([["x"], "y"] if kind in ("json", "jsonl") else ['["x"]', "y"])
        assert found["vector"].tolist() == ([[1, 2], [3]] if lists else ["[1, 2]", "[3]"])


def test_excel_holds_texts_that_look_like_formulas_and_names_what_it_cannot(tmp_path: Path) -> None:
    like, path = seed_file(tmp_path, "z.xlsx"), tmp_path / "out.xlsx"
    frame = pd.DataFrame({"text": ["=1+1", "@x", "-2", "#N/A", "ok"], "label": list("ababa")})
    assert write(frame, path, str(like)) == ()
    assert read(str(path), data(header=True)).frame.to_numpy().tolist() == frame.to_numpy().tolist()
    frame = pd.DataFrame({"text": ["a\x01b", "x" * 40_000, "ok"], "label": list("abc")})
    assert write(frame, path, str(like)) == ("2 cells hold characters, or more of them, than Excel can: changed",)
    with pytest.raises(InputError, match="do not fit into an Excel sheet"):
        write(pd.DataFrame({"a": np.zeros(1_048_576, dtype=np.int8)}), tmp_path / "large.xlsx", str(like))
    assert not (tmp_path / "large.xlsx").exists()


def test_folders_and_other_names(tmp_path: Path) -> None:
    (tmp_path / "reviews/pos").mkdir(parents=True)
    (tmp_path / "reviews/pos/a.txt").write_text("x")
    for like in (str(tmp_path / "reviews"), "org/name"):
        assert write(FRAME, tmp_path / "out", like) == ()
        assert (tmp_path / "out").read_text().startswith("text,label\n")
    write(FRAME, tmp_path / "out.tsv.gz", "org/name")
    assert gzip.decompress((tmp_path / "out.tsv.gz").read_bytes()).startswith(b"text\tlabel\n")
    write(FRAME, tmp_path / "out.parquet", str(seed_file(tmp_path, "x.csv")))
    assert read(str(tmp_path / "out.parquet"), data()).frame.to_numpy().tolist() == FRAME.to_numpy().tolist()


def test_one_column_gets_a_delimiter_when_it_gets_a_second_one(tmp_path: Path) -> None:
    like, path = tmp_path / "like.txt", tmp_path / "out.txt"
    like.write_text("text\nIt is fine, really\n\nBroken\nGood, and cheap\n")
    frame = read(str(like), data()).frame
    assert write(frame, path, str(like)) == ()
    assert path.read_text() == "text\nIt is fine, really\nBroken\nGood, and cheap\n"
    write(frame.assign(prediction=["x", "y", "z"]), path, str(like))
    assert read(str(path), data()).frame.columns.tolist() == ["text", "prediction"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    like, path = seed_file(tmp_path, "x.csv"), tmp_path / "out.csv"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FtkitError, match="no space left") as caught:
        write(FRAME, path, str(like))
    assert caught.value.code == 1 and path.read_text() == "old"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["like-x.csv", "out.csv", "seed.csv"]
    monkeypatch.undo()
    with pytest.raises(InputError):
        write(FRAME, tmp_path / "nowhere" / "out.csv", str(like))


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    like = seed_file(tmp_path, "x.csv.gz")
    for name in ("a.csv.gz", "b.csv.gz"):
        write(FRAME, tmp_path / name, str(like))
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10) | st.sampled_from(
    [
        "NA",
        "null",
        '"',
        '""',
        ",",
        ";",
        "\n",
        "\r\n",
        "\r",
        "a\tb",
        "007",
        "1.0",
        " x ",
        "=1",
        "'",
        "\\",
        "\u2028",
        "\x85",
    ]
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)


@pytest.fixture(scope="module")
def likes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("likes")
    return {kind: seed_file(folder, f"x.{kind}") for kind in (*KINDS, "csv.gz")}


@settings(max_examples=40, deadline=None)
@given(TABLES, st.sampled_from([kind for kind in (*KINDS, "csv.gz") if kind != "xlsx"]))
@example([["", ""], ["", ""]], "csv")
@example([[""]], "csv")
def test_any_table_comes_back(likes: dict[str, Path], rows: list[list[str]], kind: str) -> None:
    frame = pd.DataFrame(rows, columns=[f"name {i}" for i in range(len(rows[0]))], dtype="str")
    path = likes[kind].parent / f"out.{kind}"
    assert write(frame, path, str(likes[kind])) == ()
    named: dict[str, Any] = {"csv": "comma", "csv.gz": "comma", "tsv": "tab", "txt": "comma"}
    keys = {"header": True, "delimiter": named[kind], "quoting": "on", "encoding": "utf-8"} if kind in named else {}
    table = read(str(path), data(**keys))
    assert table.frame.to_numpy().tolist() == rows and not table.bad
    assert list(table.frame.columns) == list(frame.columns)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=8),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_table_comes_back_from_excel(likes: dict[str, Path], rows: list[list[str]]) -> None:
    frame = pd.DataFrame(rows, columns=["text", "label"], dtype="str")
    path = likes["xlsx"].parent / "out.xlsx"
    write(frame, path, str(likes["xlsx"]))
    written = [row for row in rows if any(row)]  # an empty row of a sheet is none
    if written:
        assert read(str(path), data(header=True)).frame.to_numpy().tolist() == written


WORDS = ["good", "bad", "the price, well", "it broke; twice", "a | b", 'so "nice"', "new\nline", "naïve", "ok", "9,99"]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(WORDS), min_size=2, max_size=6), st.sampled_from("abc")),
        min_size=6,
        max_size=30,
    ),
    st.sampled_from(["csv", "tsv", "csv.gz"]),
)
def test_tables_as_people_have_them_are_detected(likes: dict[str, Path], rows: list[Any], kind: str) -> None:
    """No key says how to read it: delimiter, quoting and header are all found."""
    cells = [[f"{' '.join(words)} {number}", f"label {letter}"] for number, (words, letter) in enumerate(rows)]
    frame = pd.DataFrame(cells, columns=["message", "kind"], dtype="str")
    path = likes[kind].parent / f"real.{kind}"
    write(frame, path, str(likes[kind]))
    table = read(str(path), data())
    assert table.frame.to_numpy().tolist() == cells and list(table.frame.columns) == ["message", "kind"]
