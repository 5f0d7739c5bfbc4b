"""Run folders: numbered, never shared, and only cleared where they are ours."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ftkit import folders
from ftkit.errors import InputError


def test_numbers_go_up_from_the_highest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folders.new_run_folder(None, "reviews", force=False) == Path("runs/reviews-1")
    for name in ("reviews-7", "reviews-x", "reviews-8-old", "my-reviews-9"):
        (tmp_path / "runs" / name).mkdir()
    assert folders.new_run_folder(None, "reviews", force=False) == Path("runs/reviews-8")
    assert folders.new_run_folder(None, "my reviews/(1)", force=False) == Path("runs/my-reviews-(1)-1")
    assert folders.new_run_folder(None, "..", force=False) == Path("runs/run-1")
    assert folders.new_run_folder(None, "文" * 300, force=False).is_dir()


def test_commands_started_together_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made: list[Path] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        made.extend(folders.new_run_folder(None, "a", force=False) for _ in range(5))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(set(made)) == len(os.listdir("runs")) == 40


def test_an_existing_folder_is_not_touched(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for content in ("", "status"):
        if content:
            (run / content).write_text("complete")
        with pytest.raises(InputError) as caught:
            folders.new_run_folder(run, "x", force=False)
        assert caught.value.message == f"{run}: already exists"
        assert caught.value.hint == "--force, or another --out"
    assert (run / "status").read_text() == "complete"


def test_force_replaces_a_run_or_an_empty_folder(tmp_path: Path) -> None:
    empty, run = tmp_path / "empty", tmp_path / "run"
    empty.mkdir()
    (run / "adapter").mkdir(parents=True)
    (run / "adapter" / "head.json").write_text("{}")
    (run / "status").write_text("failed\n")
    for folder in (empty, run):
        assert folders.new_run_folder(folder, "x", force=True) == folder
        assert os.listdir(folder) == []
    assert sorted(os.listdir(tmp_path)) == ["empty", "run"]


@pytest.mark.parametrize("kind", ["letters", "status of something else", "file", "link"])
def test_force_deletes_nothing_else(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    if kind == "file":
        target.write_text("mine")
    elif kind == "link":
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "status").write_text("complete")
        target.symlink_to(tmp_path / "real")
    else:
        target.mkdir()
        (target / ("letter.txt" if kind == "letters" else "status")).write_text("on holiday")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    for act in (folders.refuse_taken, lambda path, force: folders.new_run_folder(path, "x", force)):
        with pytest.raises(InputError, match="--force does not"):
            act(target, True)
        with pytest.raises(InputError, match="is not a run") as caught:
            act(target, False)
        assert "--force" not in caught.value.hint
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_file_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").write_text("")
    monkeypatch.chdir(tmp_path)
    for wanted in (None, tmp_path / "runs" / "a", tmp_path / "runs" / "a" / "b"):
        with pytest.raises(InputError, match="is a file|no such file") as caught:
            folders.new_run_folder(wanted, "a", force=False)
        assert caught.value.hint
