"""The status of a run under way, however it ends."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ftkit import files, folders, runs
from ftkit.errors import FtkitError, Interrupted
from ftkit.runs.folder import open_run


def full(path: Path, text: str) -> None:
    """What `write_text` does on a full disk."""
    raise files.os_error(OSError(errno.ENOSPC, "No space left on device"), f"writing {path}")


def status(folder: Path) -> str:
    return (folder / runs.STATUS).read_text(encoding="utf-8")


def test_a_run_on_a_full_disk_is_failed_and_tells_what_it_could_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FtkitError, match=r"report\.json: no space left") as caught, open_run(tmp_path, {}) as run:
        monkeypatch.setattr("ftkit.runs.folder.write_text", full)
        full(run.path / "report.json", "x")
    assert caught.value.code == 1
    assert status(tmp_path) == "failed\n"


def test_a_disk_that_is_full_at_the_very_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FtkitError, match="no space left"), open_run(tmp_path, {}):
        monkeypatch.setattr("ftkit.runs.folder.write_text", full)
    assert status(tmp_path) == "failed\n"


def test_a_disk_that_is_full_from_the_start_keeps_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit.runs.folder.write_text", full)
    (tmp_path / "run").mkdir()
    with pytest.raises(FtkitError, match="no space left"), open_run(tmp_path / "run", {}):
        pytest.fail("nothing may start without a status")
    assert not (tmp_path / "run").exists()


def test_a_full_disk_that_a_library_in_rust_met(tmp_path: Path) -> None:
    said = "Error while serializing: I/O error: No space left on device (os error 28)"
    with pytest.raises(FtkitError, match="no space left on the disk") as caught, open_run(tmp_path, {}):
        raise ValueError(said)
    assert caught.value.code == 1 and "df -h" in caught.value.hint
    assert status(tmp_path) == "failed\n"
    with pytest.raises(ValueError, match="os error of ours"), open_run(tmp_path, {}):
        raise ValueError("os error of ours")


def test_an_interrupted_run_is_partial_and_the_hint_can_be_typed(tmp_path: Path) -> None:
    folder = tmp_path / "my run"
    folder.mkdir()
    with pytest.raises(Interrupted) as caught, open_run(folder, {}):
        raise KeyboardInterrupt
    assert status(folder) == "partial\n"
    assert caught.value.hint == f"ftkit train '{folder}' --resume goes on from here"
    assert folders.new_run_folder(folder, "x", force=True) == folder
