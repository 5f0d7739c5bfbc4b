"""The log of commands."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftkit import privacy
from ftkit.runs import log as runlog

ROOT = Path(__file__).resolve().parent.parent


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def some(code: int = 0, word: str = "a") -> runlog.Entry:
    return runlog.Entry("2026-01-01T00:00:00+00:00", "user", f"ftkit train {word}", {}, {}, code)


def test_a_line_says_who_did_what_to_which_files(tmp_path: Path) -> None:
    data = tmp_path / "größe 1.csv"
    data.write_bytes(b"text,label\n")
    command = ["ftkit", "train", str(data), "--set", "train.lr=1e-3"]
    entry = runlog.entry(command, [data, tmp_path / "absent"], [tmp_path], 3)
    assert runlog.append(tmp_path / "runs", entry)
    (line,) = lines(tmp_path / "runs")
    assert list(line) == ["time", "user", "command", "inputs", "outputs", "code"]
    assert abs((datetime.now(UTC) - datetime.fromisoformat(str(line["time"]))).total_seconds()) < 60
    assert str(line["time"]).endswith("+00:00")
    assert line["user"]
    assert line["command"] == f"ftkit train '{data}' --set train.lr=1e-3"
    assert line["inputs"] == {str(data): hashlib.sha256(b"text,label\n").hexdigest(), str(tmp_path / "absent"): None}
    assert line["outputs"] == {str(tmp_path): None}
    assert line["code"] == 3


def test_lines_of_several_processes_never_mix(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ftkit.runs import log as runlog\n"
        "for i in range(50):\n"
        "    assert runlog.append(Path(sys.argv[1]), runlog.Entry('', '', sys.argv[2] * 3000 + str(i), {}, {}, i))"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), word], env=env) for word in "abcd"]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
    commands = [str(line["command"]) for line in lines(tmp_path)]
    assert sorted(commands) == sorted(word * 3000 + str(i) for word in "abcd" for i in range(50))


def test_a_broken_last_line_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"time": "2026-')
    assert runlog.append(tmp_path, some())
    first, second = (tmp_path / "log.jsonl").read_text().splitlines()
    assert first == '{"time": "2026-' and json.loads(second)["code"] == 0


def test_where_nothing_can_be_written_the_command_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "log.jsonl").symlink_to("/dev/full")  # every write says: no space left
    (tmp_path / "taken" / "log.jsonl").mkdir(parents=True)
    for name in ("file", "full", "taken", "file/below"):
        assert runlog.append(tmp_path / name, some()) is False, name


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert runlog.append(tmp_path, some()) is False


def test_a_disk_that_fills_up_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runlog.append(tmp_path, some())
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:10]))
    assert runlog.append(tmp_path, some(1)) is False
    monkeypatch.undo()
    assert runlog.append(tmp_path, some(2))
    assert [line["code"] for line in lines(tmp_path)] == [0, 2]


def test_a_lock_that_is_never_released_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runlog, "PATIENCE", 0.05)
    with (tmp_path / "log.jsonl").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert runlog.append(tmp_path, some())
    assert len(lines(tmp_path)) == 1


def test_hidden_rows_make_the_log_the_owners(tmp_path: Path) -> None:
    privacy.hide(True)
    assert runlog.append(tmp_path, some(word="‹hidden›"))
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600
    assert lines(tmp_path)[0]["command"] == "ftkit train ‹hidden›"


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    assert runlog.entry(["ftkit"], [], [], 0).user == "uid 3999999"


def test_the_environment_cannot_name_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    before = runlog.entry(["ftkit"], [], [], 0).user
    monkeypatch.setenv("USER", "somebody else")
    monkeypatch.setenv("LOGNAME", "somebody else")
    assert runlog.entry(["ftkit"], [], [], 0).user == before != "somebody else"
