"""`runs/log.jsonl`: one line for every verb that was run: time, user, command, inputs, outputs, exit code.

Several commands may end at once, so each line is one write under a lock. The log never stands in
the way of the work: where it cannot be written, `append` says so and nothing else happens.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ftkit import files
from ftkit.errors import FtkitError
from ftkit.privacy import hidden

NAME = "log.jsonl"
PATIENCE = 2.0  # seconds to wait for another command's lock; appends are whole even without it


@dataclass(frozen=True)
class Entry:
    """One line of the log. Callers see to it that the command holds no cell of a hidden table."""

    time: str
    """ISO 8601, UTC"""
    user: str
    command: str
    """as it can be pasted into a shell"""
    inputs: dict[str, str | None]
    """path: sha256, or null for what is no readable file"""
    outputs: dict[str, str | None]
    code: int
    """the exit code"""


def entry(command: Sequence[str], inputs: Iterable[Path], outputs: Iterable[Path], code: int) -> Entry:
    """The line for a command that just ended; hashes the files it read and wrote."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(now, _user(), shlex.join(command), _hashes(inputs), _hashes(outputs), code)


def append(folder: Path, line: Entry) -> bool:
    """Add a line to the log in `folder` (usually `runs`); False where that is not possible."""
    data = json.dumps(asdict(line), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600 if hidden() else 0o666)
    except OSError:
        return False
    try:
        return _write(descriptor, data, alone=_lock(descriptor))
    except OSError:
        return False
    finally:
        os.close(descriptor)  # which also ends the lock


def _write(descriptor: int, data: bytes, alone: bool) -> bool:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data  # a line that a power cut broke off must not swallow this one
    if os.write(descriptor, data) == len(data):
        return True
    if alone:
        os.ftruncate(descriptor, size)  # the disk is full: no half line stays
    return False


def _lock(descriptor: int) -> bool:
    """Whether this process now has the log to itself."""
    if sys.platform == "win32":
        return False
    import fcntl

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:  # a network disk without locks
            return False
    return False


def _hashes(paths: Iterable[Path]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path in paths:
        found[str(path)] = None
        with suppress(FtkitError):
            found[str(path)] = files.sha256(path)
    return found


def _user() -> str:
    """The account of the process: USER and LOGNAME can be set to anything."""
    if sys.platform == "win32":
        import getpass

        return getpass.getuser()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container that runs under a bare number
        return f"uid {os.getuid()}"
