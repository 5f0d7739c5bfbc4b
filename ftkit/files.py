"""Crash-safe writing: a file is either as it was before or whole, never half-written.

Every file of a run goes through here: written beside its destination under another name, synced to
the disk, then renamed over it. Errors of the file system leave as one line that says what to do.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ftkit.errors import FtkitError, InputError
from ftkit.privacy import hidden


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to; when the block ends without an error it takes the place of `path`.

    For writers that want a path of their own: `with replacing(path) as temporary: table.to_parquet(temporary)`.
    """
    temporary = path.parent / f".{secrets.token_hex(6)}.tmp"
    try:
        try:
            # the kernel applies the umask to 0o666, which os.umask() cannot be asked for without setting it
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if hidden() else 0o666))
            yield temporary
            _sync(temporary)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        with contextlib.suppress(OSError):  # some file systems cannot sync a folder; the file itself is safe
            _sync(path.parent)
    except OSError as error:
        raise os_error(error, f"writing {path}") from error


def sweep(folder: Path) -> None:
    """Take away what somebody was killed while writing; for who alone writes in a folder."""
    for torn in folder.rglob(".*.tmp"):
        if torn.is_file():
            torn.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; half a surrogate pair, which UTF-8 cannot hold, becomes its `\\ud800` escape."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, document: Any) -> None:
    """Write strict JSON: NaN and infinities become null, paths strings, numpy values plain numbers and lists."""
    write_text(path, as_json(document) + "\n")


def as_json(document: Any) -> str:
    """Strict JSON that any reader takes, as `write_json` puts it into files."""
    return json.dumps(_plain(document), ensure_ascii=False, indent=2, allow_nan=False)


def as_line(document: Any) -> str:
    """The same in one line, for files that grow."""
    return json.dumps(_plain(document), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def sha256(path: Path) -> str:
    """Hash of a file's bytes as 64 hex digits, read in pieces."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise os_error(error, f"reading {path}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def system_error(error: BaseException) -> OSError | None:
    """What the file system refused, where that is what an error is about.

    safetensors and tokenizers are written in Rust and pass it on as errors of their own, its number in the text.
    """
    if isinstance(error, OSError):
        return error
    told = None if isinstance(error, FtkitError) else re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(told[1]), os.strerror(int(told[1]))) if told else None


def os_error(error: OSError, doing: str) -> FtkitError:
    """One clear line for a failure of the file system; `doing` reads like "writing runs/a/report.json".

    What the user can mend with another path is an InputError (exit code 2); a full disk or a broken one is not (1).
    """
    number, where = error.errno, error.filename or ""
    if number in (errno.EACCES, errno.EPERM):
        return InputError(f"{doing}: no permission", "choose another folder, or ask its owner for access")
    if number == errno.EROFS:
        return InputError(f"{doing}: this file system is read-only", "choose a folder on another disk with --out")
    if number in (errno.ENOENT, errno.ENOTDIR):
        return InputError(f"{doing}: no such file or folder", f"check the path: {where}" if where else "check the path")
    if number == errno.EISDIR:
        return InputError(f"{doing}: is a folder, not a file", "give the path of a file")
    if number == errno.EEXIST:
        return InputError(f"{doing}: already exists", "choose another path")
    if number in (errno.ENAMETOOLONG, errno.ELOOP):
        return InputError(f"{doing}: {(error.strerror or '').lower()}", "choose another path")
    if number in (errno.ENOSPC, errno.EDQUOT):
        return FtkitError(f"{doing}: no space left on the disk", "free some space (df -h shows it) and run it again")
    reason = error.strerror or next(iter(str(error).splitlines()), "") or "unknown error"
    return FtkitError(f"{doing}: {reason[:1].lower() + reason[1:]}")
