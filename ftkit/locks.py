"""One process at a time in a folder that is written over hours: a run under way, a bank that changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftkit.errors import InputError
from ftkit.files import os_error


@contextmanager
def alone(path: Path, lock: Path, doing: str, mode: int = 0o600) -> Iterator[None]:
    """Hold the file `lock`, within or below the folder `path`; the lock of a process that was killed is free.

    Raises InputError where another process holds it: it is `doing` the folder, such as "training".
    """
    from filelock import FileLock, Timeout

    try:
        lock.parent.mkdir(exist_ok=True)
        held = FileLock(lock, blocking=False, mode=mode)
        held.acquire()
    except Timeout:
        raise InputError(f"{path}: another process is {doing} it", "wait for it to end") from None
    except OSError as error:
        raise os_error(error, f"writing {path}") from error
    try:
        yield
    finally:
        held.release()
