"""Crash-safe writing, and what the file system refuses."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit import files, folders, privacy
from ftkit.errors import FtkitError, InputError

NOBODY = 65534


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that the test may read but not write to, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ---- writing ----


def test_text_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "report.txt"
    target.write_text("old")
    files.write_text(target, "first\r\nsecond\n")
    assert target.read_bytes() == b"first\r\nsecond\n"
    assert os.listdir(tmp_path) == ["report.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(FtkitError) as caught:
        files.write_json(target, {"a": 1})
    monkeypatch.undo()
    assert caught.value.code == 1
    assert "no space left" in caught.value.message and str(target) in caught.value.message
    assert "\n" not in caught.value.message
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_failing_or_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    for failure in (ValueError("bad column"), KeyboardInterrupt()):
        with pytest.raises(type(failure)), files.replacing(target) as temporary:
            temporary.write_text("half")
            raise failure
        assert os.listdir(tmp_path) == []


def test_killed_in_the_middle_the_old_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "status"
    target.write_text("old")
    code = (
        "import os, sys; from pathlib import Path; from ftkit import files\n"
        "with files.replacing(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -9
    assert target.read_text() == "old"


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "history.json"
    files.write_json(target, {"rows": []})
    seen: list[int] = []

    def write() -> None:
        for size in range(60):
            files.write_json(target, {"rows": list(range(size * 50))})

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        seen.append(len(json.loads(target.read_text())["rows"]))
    writer.join()
    assert len(set(seen)) > 1


def test_files_obey_the_umask_and_hidden_ones_are_for_the_owner(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        files.write_text(tmp_path / "open", "x")
        privacy.hide(True)
        files.write_text(tmp_path / "closed", "x")
        folder = folders.new_run_folder(tmp_path / "run", "x", force=False)
    finally:
        os.umask(old)
    assert mode(tmp_path / "open") == 0o640
    assert mode(tmp_path / "closed") == 0o600
    assert mode(folder) == 0o700


def test_no_permission_is_the_users_path(locked: Path) -> None:
    for action in (
        lambda: files.write_text(locked / "report.html", "x"),
        lambda: folders.new_run_folder(locked / "run", "x", force=False),
        lambda: folders.new_run_folder(locked / "deep" / "run", "x", force=False),
    ):
        with pytest.raises(InputError, match="no permission") as caught:
            action()
        assert caught.value.code == 2 and str(locked) in caught.value.message and caught.value.hint
    assert os.listdir(locked) == []


def test_no_permission_in_the_working_folder(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(locked)
    with pytest.raises(InputError, match="no permission"):
        folders.new_run_folder(None, "reviews", force=False)


def test_writing_over_a_folder_or_into_none(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        files.write_text(tmp_path / "taken", "x")
    with pytest.raises(InputError, match="no such file or folder"):
        files.write_text(tmp_path / "absent" / "x", "x")
    assert os.listdir(tmp_path) == ["taken"]


# ---- JSON ----


def test_json_has_null_for_what_json_cannot_say(tmp_path: Path) -> None:
    document = {
        "nan": math.nan,
        "list": [1.5, math.inf, (-math.inf,)],
        "array": np.array([[1.0, np.nan]], dtype=np.float32),
        "scalar": np.int64(7),
        "float": np.float64("nan"),
        "path": tmp_path,
        3: "três",
        "half": "\ud800",
    }
    files.write_json(tmp_path / "a.json", document)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "três" in text and "NaN" not in text and "Infinity" not in text
    assert json.loads(text) == {
        "nan": None,
        "list": [1.5, None, [None]],
        "array": [[1.0, None]],
        "scalar": 7,
        "float": None,
        "path": str(tmp_path),
        "3": "três",
        "half": "\ud800",
    }


def test_json_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "a.json", {"set": {1}})
    assert os.listdir(tmp_path) == []


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)  # each example waits for the disk
@given(documents)
def test_any_plain_document_survives(document: Any) -> None:
    def expected(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, dict):
            return {key: expected(item) for key, item in value.items()}
        return [expected(item) for item in value] if isinstance(value, list) else value

    with tempfile.TemporaryDirectory() as folder:
        files.write_json(Path(folder) / "a.json", document)
        assert json.loads((Path(folder) / "a.json").read_text(encoding="utf-8")) == expected(document)


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(InputError, match="reading .*no such file"):
        files.sha256(tmp_path / "absent")


# ---- what the file system refuses ----


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (errno.EACCES, 2, "no permission"),
        (errno.EPERM, 2, "no permission"),
        (errno.EROFS, 2, "read-only"),
        (errno.ENOENT, 2, "no such file"),
        (errno.EISDIR, 2, "is a folder"),
        (errno.ENAMETOOLONG, 2, "too long"),
        (errno.ENOSPC, 1, "no space left"),
        (errno.EDQUOT, 1, "no space left"),
        (errno.EIO, 1, "input/output error"),
    ],
)
def test_exit_codes(number: int, code: int, says: str) -> None:
    error = files.os_error(OSError(number, os.strerror(number), "/there"), "writing /there")
    assert error.code == code and error.message.startswith("writing /there: ") and says in error.message


def test_an_error_without_a_number_is_still_one_line() -> None:
    assert files.os_error(OSError("Something broke\nat length"), "reading x").message == "reading x: something broke"
    assert files.os_error(OSError(), "reading x").message == "reading x: unknown error"


def test_what_was_left_half_written_is_swept_away(tmp_path: Path) -> None:
    kept = [tmp_path / "rows" / "1.parquet", tmp_path / "notes.tmp", tmp_path / ".general.tmp" / "recipe.yaml"]
    torn = [tmp_path / "rows" / ".a9fe.tmp", tmp_path / ".b1.tmp"]
    for path in (*kept, *torn):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    files.sweep(tmp_path)
    assert all(path.exists() for path in kept) and not any(path.exists() for path in torn)
