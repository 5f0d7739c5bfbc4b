"""Sources: what they are, what is noted, what is refused, and with which words."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit import privacy
from ftkit.data import hub
from ftkit.data.read import read, read_many
from ftkit.data.table import Table
from ftkit.errors import Faults, InputError
from ftkit.recipe import Data

CSV = b"text,label\nI like it,pos\nI hate it,neg\n"
ROWS = [["I like it", "pos"], ["I hate it", "neg"]]


def data(**keys: object) -> Data:
    return Data.model_validate({"train": "x"} | keys)


def file_of(folder: Path, name: str) -> Path:
    """The same two rows in the file type that the name says."""
    frame = pd.DataFrame(ROWS, columns=["text", "label"])
    path = folder / name
    kind = name.removesuffix(".gz").rpartition(".")[2]
    out = io.BytesIO()
    if kind == "xlsx":
        frame.to_excel(out, index=False)
    elif kind == "parquet":
        frame.to_parquet(out)
    elif kind in ("json", "jsonl"):
        out.write(frame.to_json(orient="records", lines=kind == "jsonl").encode())
    else:
        out.write(CSV.replace(b",", b"\t") if kind in ("tsv", "txt") else CSV)
    raw = out.getvalue()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


KINDS = ["csv", "tsv", "txt", "json", "jsonl", "parquet", "xlsx"]


@pytest.mark.parametrize("name", [f"x.{kind}{end}" for kind in KINDS for end in ("", ".gz")])
def test_each_file_type_gives_the_same_table(tmp_path: Path, name: str) -> None:
    path = file_of(tmp_path, name)
    table = read(str(path), data())
    assert table.frame.to_numpy().tolist() == ROWS
    assert list(table.frame.columns) == ["text", "label"]
    assert all(str(kind) == "str" for kind in table.frame.dtypes)
    assert table.source == str(path)
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    first = 1 if any(kind in name for kind in ("json", "parquet")) else 2
    assert table.lines.tolist() == [first, first + 1] and table.lines.dtype == np.int64
    assert table.bad == ()


@pytest.mark.parametrize("name", ["data", "data.dat", "table.CSV", "t.xls"])
def test_other_names_are_read_by_their_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CSV)
    assert read(str(tmp_path / name), data()).frame.to_numpy().tolist() == ROWS
    for kind in ("parquet", "xlsx"):
        content = file_of(tmp_path, f"x.{kind}").read_bytes()
        (tmp_path / name).write_bytes(content)
        assert read(str(tmp_path / name), data()).frame.to_numpy().tolist() == ROWS


def test_json_lines_under_the_name_of_json(tmp_path: Path) -> None:
    content = file_of(tmp_path, "x.jsonl").read_bytes()
    (tmp_path / "y.json").write_bytes(content)
    assert read(str(tmp_path / "y.json"), data()).frame.to_numpy().tolist() == ROWS


def test_what_was_detected_is_noted(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("很好;正面\n不好用;负面\n还不错;正面\n质量太差;负面\n".encode("gb18030"))
    table = read(str(tmp_path / "x.csv"), data())
    assert table.notes == (
        "encoding: GB18030",
        "delimiter: semicolon",
        "no header row: columns are named column_1, column_2",
    )


def test_columns_get_the_names_that_the_recipe_wants(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(CSV)
    assert list(read(str(path), data(columns={"review": "text"})).frame.columns) == ["review", "label"]
    swapped = read(str(path), data(columns={"label": "text", "text": "label"})).frame
    assert swapped["label"].tolist() == ["I like it", "I hate it"]
    both = read(str(path), data(columns={"a": "text", "b": "text"})).frame
    assert both["a"].tolist() == both["b"].tolist() == ["I like it", "I hate it"]
    with pytest.raises(InputError, match="no column 'txt'") as caught:
        read(str(path), data(columns={"review": "txt"}))
    assert caught.value.hint == "did you mean text?"
    with pytest.raises(InputError, match="more than once: 'label'"):
        read(str(path), data(columns={"label": "text"}))


def test_a_home_folder_and_several_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(CSV)
    tables = read_many(["~/a.csv", "~/b.csv"], data())
    assert [table.source for table in tables] == ["~/a.csv", "~/b.csv"]
    assert len(read_many("~/a.csv", data())) == 1
    with pytest.raises(Faults, match=r"c\.csv.*\n.*d\.csv"):
        read_many(["~/a.csv", "~/c.csv", "~/d.csv"], data())
    with pytest.raises(InputError, match="no such file"):
        read_many(["~/a.csv", "~/c.csv"], data())


def zip_of(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return out.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BAD = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b" \n\n \t\n", "is empty"),
    "mark.csv": (b"\xef\xbb\xbf\n", "is empty"),
    "commas.csv": (b",,,\n,,,\n", "is empty"),
    "header.csv": (b"text,label\n", "has column names but no rows"),
    "header.tsv": (b"text\tlabel", "has column names but no rows"),
    "list.json": (b"[]", "has column names but no rows"),
    "bare.json": (b"[{}, {}]", "has rows but no columns"),
    "ragged.csv": (b"text,label\na,b,c\nd\ne,f,g\n", r"all 3 rows are bad; line 2: ragged line: 3 cells where 2"),
    "twice.csv": (b"text,text\nI like it,x\nI hate it,y\n", "more than once: 'text'"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + bytes(50), "is a PNG image, not a table"),
    "letter.txt": (b"%PDF-1.7 \xff\xff", "is a PDF document"),
    "page.csv": (b"<!DOCTYPE html><html></html>", "is a web page or XML"),
    "archive.csv": (zip_of("a.csv"), "is a zip archive, not a table"),
    "sheets.xlsx": (zip_of("content.xml"), "is a workbook of another kind"),
    "cut.xlsx": (zip_of("xl/workbook.xml")[:60], "is a broken Excel workbook or zip archive"),
    "hollow.xlsx": (zip_of("xl/workbook.xml"), "cannot be read as an Excel workbook"),
    "old.xls": (OLE + bytes(600), "is an old Excel workbook"),
    "secret.xlsx": (OLE + "EncryptedPackage".encode("utf-16-le"), "is an encrypted Excel workbook"),
    "text.xlsx": (CSV, "is not an Excel workbook, though its name says so"),
    "text.parquet": (CSV, "is not a Parquet file, though its name says so"),
    "cut.parquet": (b"PAR1" + bytes(40), "Parquet"),
    "plain.csv.gz": (CSV, "is not gzipped, though its name says so"),
    "cut.csv.gz": (gzip.compress(CSV * 50)[:40], "broken gzip file"),
    "wrong.csv.gz": (gzip.compress(CSV)[:-6] + b"\1\2\3\4\5\6", "broken gzip file"),
    "twice.csv.gz": (gzip.compress(gzip.compress(CSV)), "is gzipped twice"),
    "hollow.csv.gz": (gzip.compress(b""), "is empty"),
    "broken.json": (b'[{"text": "a"},\n{"text": ]\n', "invalid JSON in line 2"),
    "noise.csv": (bytes(range(1, 32)) * 20, "does not look like text"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_clear_line(tmp_path: Path, name: str) -> None:
    content, message = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(str(tmp_path / name), data())
    assert caught.value.code == 2 and caught.value.hint
    assert caught.value.message.startswith(str(tmp_path / name)) and "\n" not in caught.value.message


@pytest.mark.parametrize("wanted", ["reviws.csv", "reviews.tsv", "Reviews.csv", "reviews"])
def test_a_missing_file_names_its_near_ones(tmp_path: Path, wanted: str) -> None:
    (tmp_path / "reviews.csv").write_bytes(CSV)
    with pytest.raises(InputError, match="no such file or folder") as caught:
        read(str(tmp_path / wanted), data())
    assert caught.value.hint == f"did you mean {tmp_path / 'reviews.csv'}?"
    with pytest.raises(InputError) as caught:
        read(str(tmp_path / "reviews.csv" / "x.csv"), data())
    assert caught.value.code == 2


def test_strange_names_are_input_errors() -> None:
    for name in ("", " ", "a\0b", "x" * 5000, "/nowhere/at/all.csv", "\ud800.csv", "nope/x.csv:a"):
        with pytest.raises(InputError):
            read(name, data())


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(CSV)
    (tmp_path / "folder").mkdir()

    def refuse(*_: object, **__: object) -> Any:
        raise PermissionError(13, "Permission denied", str(path))  # root, who runs many tests, may read everything

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    for source in (path, tmp_path / "folder"):
        with pytest.raises(InputError, match="no permission") as caught:
            read(str(source), data())
        assert caught.value.code == 2


# ---- folders ----


def folder_of(root: Path, **labels: dict[str, bytes]) -> Path:
    for label, files in labels.items():
        (root / label).mkdir(parents=True)
        for name, content in files.items():
            (root / label / name).write_bytes(content)
    return root


def test_a_folder_of_labels(tmp_path: Path) -> None:
    root = folder_of(
        tmp_path / "reviews",
        pos={"b.txt": b"I like it\n", "a.txt": "Très bien, très joli".encode()},
        neg={"c.TXT": b"\xef\xbb\xbfI hate it", "d.txt": b"", "notes.md": b"x", ".hidden.txt": b"x"},
        __MACOSX={"e.txt": b"x"},
        spare={"f.csv": b"x"},
    )
    (root / "README.txt").write_text("x")
    table = read(str(root), data())
    assert table.frame.to_numpy().tolist() == [
        ["I hate it", "neg", "neg/c.TXT"],
        ["", "neg", "neg/d.txt"],
        ["Très bien, très joli", "pos", "pos/a.txt"],
        ["I like it\n", "pos", "pos/b.txt"],
    ]
    assert list(table.frame.columns) == ["text", "label", "file"] and table.lines.tolist() == [1, 2, 3, 4]
    assert "subfolders without .txt files left out: 'spare'" in table.notes
    assert "2 files in subfolders left out: not .txt" in table.notes


def test_the_hash_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    hashes = {
        read(str(folder_of(tmp_path / name, a={one: first}, b={"y.txt": b"two"})), data()).sha256
        for name, one, first in [
            ("same", "x.txt", b"one"),
            ("again", "x.txt", b"one"),
            ("other", "x.txt", b"One"),
            ("renamed", "z.txt", b"one"),
        ]
    }
    assert len(hashes) == 3


def test_large_texts_are_bounded_and_still_known_as_too_long(tmp_path: Path) -> None:
    long = "很好 ".encode() * 1_000_000
    wide = ("好" * 300_000).encode("utf-16")
    files = {"1.txt": long, "2.txt": "é".encode() * 300_000, "4.txt": wide}
    root = folder_of(tmp_path / "x", a=files, b={"3.txt": b"short"})
    table = read(str(root), data(max_chars=1000))
    assert table.frame["text"].str.len().tolist() == [1001, 1001, 1001, 5]
    assert table.frame["text"].iloc[1] == "é" * 1001
    assert "3 files cut after 1,001 characters" in table.notes


def test_short_files_of_one_encoding_are_judged_together(tmp_path: Path) -> None:
    texts = ["质量太差了", "很好", "不错，喜欢", "再也不买了", "plain"]
    files = {f"{i}.txt": text.encode("gb18030") for i, text in enumerate(texts)}
    table = read(str(folder_of(tmp_path / "x", a=files, b={"5.txt": "前天 ok".encode("utf-16")})), data())
    assert table.frame["text"].tolist() == [*texts, "前天 ok"]
    assert "encoding: GB18030, UTF-8, UTF-16" in table.notes
    with pytest.raises(InputError, match="which is right|does not look quite right|neither"):
        read(str(folder_of(tmp_path / "y", a={"1.txt": "¿Él?".encode("cp1252")}, b={"2.txt": b"x"})), data())
    table = read(str(tmp_path / "y"), data(encoding="cp1252"))
    assert table.frame["text"].tolist() == ["¿Él?", "x"]


def test_a_file_that_is_no_text_is_a_bad_row(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "x", a={"1.txt": b"\0\1\2" * 9, "2.txt": b"fine"}, b={"3.txt": b"good"})
    table = read(str(root), data())
    assert table.frame["text"].tolist() == ["fine", "good"] and table.lines.tolist() == [2, 3]
    assert [(bad.source, bad.line) for bad in table.bad] == [(str(root), 1)]
    assert table.bad[0].reason.startswith("'a/1.txt': does not look like text")


def test_a_folder_without_labels_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without subfolders that hold .txt files"):
        read(str(tmp_path), data())
    folder_of(tmp_path / "train", pos={"a.txt": b"x"})
    with pytest.raises(InputError) as caught:
        read(str(tmp_path), data())
    assert caught.value.hint == f"did you mean {tmp_path / 'train'}?"
    (tmp_path / "x.csv").write_bytes(CSV)
    with pytest.raises(InputError) as caught:
        read(str(tmp_path), data())
    assert caught.value.hint == f"give the file: {tmp_path / 'x.csv'}"


# ---- the hub ----


class ClassLabel:
    def __init__(self, names: list[str]) -> None:
        self.names = names


class Split:
    def __init__(self, table: pa.Table, features: dict[str, Any]) -> None:
        self.table, self.features = table, features

    def with_format(self, _: str) -> Split:
        return self

    def __getitem__(self, _: slice) -> pa.Table:
        return self.table


def library(monkeypatch: pytest.MonkeyPatch, load: Any) -> None:
    """A stand-in for `datasets`, which takes seconds to import."""
    module = types.ModuleType("datasets")
    module.ClassLabel, module.load_dataset = ClassLabel, load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)


def test_a_hub_data_set_has_its_label_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    table = pa.table({"text": ["a", "b", None], "label": [1, 0, -1], "tags": [[0, 1], [], None]})
    features = {
        "text": None,
        "label": ClassLabel(["neg", "pos"]),
        "tags": types.SimpleNamespace(feature=ClassLabel("xy")),
    }
    splits = {"test": Split(table.slice(0, 1), features), "train": Split(table, features)}

    def load(*names: str, **options: object) -> dict[str, Split]:
        asked.append((names, options))
        return splits

    library(monkeypatch, load)
    found = read("org/name", data())
    assert found.frame.to_numpy().tolist() == [["a", "pos", ["x", "y"]], ["b", "neg", []], ["", "", ""]]
    assert found.notes[0] == "hub data set org/name, split train"
    assert len(read("org/name:test", data()).frame) == 1
    assert asked == [(("org/name",), {})] * 2  # no option that would let its code run
    assert read("org/name", data()).sha256 == found.sha256 != read("org/name:test", data()).sha256
    with pytest.raises(InputError, match="no split 'tset'") as caught:
        read("org/name:tset", data())
    assert caught.value.hint == "did you mean test?"


def test_without_a_network_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: str) -> Any:
        raise ConnectionError("Couldn't reach 'org/name' on the Hub\nsecond line")

    library(monkeypatch, load)
    with pytest.raises(InputError, match="hub is out of reach") as caught:
        read("org/name", data())
    assert "\n" not in caught.value.message and caught.value.code == 2
    # a copy, because going offline sets more variables
    monkeypatch.setattr(os, "environ", dict(os.environ, HF_HUB_OFFLINE="0", TRANSFORMERS_OFFLINE="0"))
    monkeypatch.setattr(hub, "answers", lambda: (False, ""))
    with pytest.raises(InputError, match="hub is out of reach"):
        read("org/name", data())
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_offline_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def probe() -> tuple[bool, str]:
        raise AssertionError("offline, yet the hub was asked")

    monkeypatch.setattr(hub, "answers", probe)
    library(monkeypatch, lambda name: {"only": Split(pa.table({"text": ["a"]}), {"text": None})})
    assert read("org/name", data()).notes[0] == "hub data set org/name, split only"


class Refused(Exception):
    """As the library names it."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError("nothing on the hub"), "the hub cannot be reached"),
        (Refused("it has 2 configurations"), r"cannot be loaded \(Refused: 'it has 2 configurations'\)"),
        (type("DatasetNotFoundError", (Exception,), {})("gated"), "no data set org/name on the hub"),
    ],
)
def test_what_the_hub_answers_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    def load(_: str) -> Any:
        if isinstance(error, FileNotFoundError):
            raise error from TimeoutError("no answer")  # the library hides the reason like this
        raise error

    library(monkeypatch, load)
    monkeypatch.setattr(hub, "offline", lambda: False)
    monkeypatch.setattr(hub, "answers", lambda: (True, ""))
    with pytest.raises(InputError, match=message):
        read("org/name", data())


# ---- anything at all ----


@settings(max_examples=50, deadline=None)
@given(
    st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    st.sampled_from([b"", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", b"[", b"{", b"text,label\n", b"\xff\xfe", b'"']),
    st.sampled_from(["csv", "tsv", "txt", "json", "jsonl", "parquet", "xlsx", "csv.gz", "dat"]),
)
def test_garbage_is_a_table_or_an_input_error(tmp_path_factory: Any, raw: bytes, start: bytes, kind: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"garbage.{kind}"
    path.write_bytes(gzip.compress(start + raw) if kind == "csv.gz" else start + raw)
    try:
        table = read(str(path), data())
    except InputError as error:
        assert "\n" not in error.message
        return
    assert isinstance(table, Table) and 0 < len(table.frame) == len(table.lines)


def test_private_rows_do_not_reach_messages_or_notes(tmp_path: Path) -> None:
    privacy.hide(True)
    marker = "SECRETMARKER"
    cases = {
        "ragged.csv": f"text,label\n{marker},a\n{marker},b,{marker}\n".encode(),
        "bad.jsonl": json.dumps({"text": marker}).encode() + b'\n{"text": "' + marker.encode() + b"\n",
        "bad.json": b'[{"text": "' + marker.encode() + b'" "x"}]',
        "ask.csv": f"{marker} ¿Él?".encode("cp1252"),
        "unclosed.csv": f'text,label\n"{marker},a\n{marker},b\n'.encode(),
    }
    folder_of(tmp_path / "texts", **{marker: {f"{marker}.txt": b"\0\1", "b.txt": b"x"}, f"{marker}2": {}})
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    for name in (*cases, "texts"):
        try:
            table = read(str(tmp_path / name), data())
        except InputError as error:
            said = f"{error.message} {error.hint}"
        else:
            said = f"{table.notes} {table.bad}"
        assert marker not in said


@pytest.mark.slow
def test_a_million_rows_stay_small(tmp_path: Path) -> None:
    """Two columns of text, 120 MB: below 1.2 GiB in a process of its own."""
    import subprocess

    path = tmp_path / "big.csv"
    with path.open("w") as stream:
        stream.write("text,label\n")
        for number in range(1_000_000):
            stream.write(f'"{"some words, and more " * 5}{number}",label{number % 7}\n')
    code = (
        "import sys; from ftkit.data.read import read; from ftkit.hardware import peak_memory;"
        "from ftkit.recipe import Data; table = read(sys.argv[1], Data(train='x'));"
        "print(len(table.frame), peak_memory())"  # and not ru_maxrss, which starts at that of the process of the tests
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    rows, peak = map(int, done.stdout.split())
    assert rows == 1_000_000 and peak < 1.2 * 2**30
