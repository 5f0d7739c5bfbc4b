"""Files as models take them: each decoded once, kept small on the disk, and read from there row by row.

So neither a second pass nor a second run decodes a file again, and memory does not grow with their number.
`CACHE/decoded/KEY/` holds one array a file: KEY says how it was decoded, and the entry is known by the hash of
the file's bytes.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import secrets
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from ftkit import environment, privacy
from ftkit.console import console
from ftkit.data.items import FileItem, Item

SHARE = 0.1  # of the free disk at most, for all that is decoded
MOST = 5 * 2**30  # bytes
CHECK = 4  # bytes of the checksum behind each array


@dataclass
class Store:
    """Decoded arrays of one kind of file, for one way of decoding."""

    root: Path
    key: str
    broken: bool = False
    """whether the disk refused something; then nothing is written any more"""
    limit: int = MOST
    written: int = 0

    @classmethod
    def of(cls, settings: str) -> Store:
        """The user's, for what `settings` say (all that changes an array); of hidden rows, one for this process."""
        root = (_private() if privacy.hidden() else environment.cache_folder()) / "decoded"
        store = cls(root, hashlib.sha256(settings.encode()).hexdigest()[:32])
        place = next((one for one in (root, *root.parents) if one.is_dir()), Path(tempfile.gettempdir()))
        store.limit = min(MOST, int(SHARE * shutil.disk_usage(place).free))
        trim(root, store.limit)
        return store

    def get(self, digest: str) -> np.ndarray | None:
        """The array of a file, or None where it is not there, or damaged."""
        try:
            raw = self._path(digest).read_bytes()
        except OSError:
            return None
        body, check = raw[:-CHECK], raw[-CHECK:]
        if len(raw) <= CHECK or zlib.crc32(body) != int.from_bytes(check, "big"):
            return None
        array: np.ndarray = np.load(io.BytesIO(body), allow_pickle=False)
        return array

    def put(self, digest: str, array: np.ndarray) -> None:
        """Keep an array; a reader never sees half of it. Where the disk refuses, it is decoded again when needed."""
        if self.broken or self.written + array.nbytes > self.limit:
            return
        body = io.BytesIO()
        np.save(body, array, allow_pickle=False)
        path = self._path(digest)
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_bytes(body.getvalue() + zlib.crc32(body.getvalue()).to_bytes(CHECK, "big"))
            os.replace(temporary, path)
            self.written += array.nbytes
        except OSError as error:
            self.broken = True
            console.warn(f"{self.root}: decoded files cannot be kept there ({error.strerror})")
            with suppress(OSError):
                temporary.unlink()

    def _path(self, digest: str) -> Path:
        return self.root / self.key / digest[:2] / f"{digest}.npy"


@dataclass(frozen=True)
class Decoded(Sequence[dict[str, np.ndarray]]):
    """Rows that are files, decoded when they are looked at: `{name: array}` of each."""

    items: Sequence[Item]
    store: Store
    name: str
    """of the array, as `collate` knows it"""
    lengths: np.ndarray
    """(rows,) positions of each row"""
    decode: Callable[[Item], np.ndarray] = field(repr=False)
    """what makes an array of a file whose entry is gone"""
    settings: str = ""
    """all that changes what `collate` makes of an array"""
    several: bool = False
    """whether an array is pictures that go through the base one by one"""
    change: Callable[[np.ndarray], np.ndarray] | None = field(default=None, repr=False)
    """what is made of an array as it is looked at; `settings` say so as well"""

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, place: int) -> dict[str, np.ndarray]: ...
    @overload
    def __getitem__(self, place: slice) -> Decoded: ...
    def __getitem__(self, place: int | slice) -> dict[str, np.ndarray] | Decoded:
        if isinstance(place, slice):
            return replace(self, items=self.items[place], lengths=self.lengths[place])
        item = self.items[place]
        array = self.store.get(item.digest)
        if array is None:
            array = self.decode(item)
            self.store.put(item.digest, array)
        return {self.name: array if self.change is None else self.change(array)}

    @cached_property
    def hashes(self) -> list[str]:
        """`input_hash` of each row: of the file's bytes, how they were decoded, and what is made of that."""
        return self._hashed([item.digest for item in self.items])

    @property
    def files(self) -> list[str]:
        """What the `input_hash` of each row's whole file would be: another one where the row is a part of it."""
        return self._hashed([item.file if isinstance(item, FileItem) else item.digest for item in self.items])

    def _hashed(self, digests: Sequence[str]) -> list[str]:
        how = f"{self.store.key} {self.settings}".strip()
        return [hashlib.sha256(f"{how} {digest}".encode()).hexdigest()[:32] for digest in digests]

    @cached_property
    def _digests(self) -> dict[str, np.ndarray]:
        return {}

    def digested(self, name: str, digest: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """A few numbers of each row, (rows, …), made of its array the first time that `name` is asked for."""
        if name not in self._digests:
            self._digests[name] = np.stack([digest(self[i][self.name]) for i in range(len(self))])
        return self._digests[name]


def files_of(rows: Sequence[dict[str, np.ndarray]], hashes: Sequence[str]) -> Sequence[str]:
    """The `input_hash` of the file that each row is, or is a part of; `hashes` themselves where rows are no files."""
    return rows.files if isinstance(rows, Decoded) else hashes


def trim(root: Path, limit: int) -> None:
    """Take away the entries that were written longest ago until a folder of them is no larger than `limit` bytes."""
    found = []
    for path in root.glob("*/*/*.npy"):
        with suppress(OSError):
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    size = sum(one for _, one, _ in found)
    for _, one, path in sorted(found):
        if size <= limit:
            return
        with suppress(OSError):
            path.unlink()
        size -= one


_PRIVATE: list[Path] = []


def _private() -> Path:
    """A folder that only the owner may read, and that is gone when this process ends."""
    if not _PRIVATE:
        _PRIVATE.append(Path(tempfile.mkdtemp(prefix="ftkit-")))
        atexit.register(shutil.rmtree, _PRIVATE[0], ignore_errors=True)
    return _PRIVATE[0]
