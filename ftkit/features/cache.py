"""Activations on disk: what frozen layers say of a row, for every run that comes upon the row again.

`ROOT/activations/KEY/` is a shelf: KEY says what computed its entries (`features.fingerprint`), and each entry is
known by the `input_hash` of its row. A shelf is a set of segments: safetensors files that are never changed once
they are there, with a sha256 over KEY and all they hold. So any number of processes read without a lock; only
putting segments there, and taking the oldest away, is done by one at a time.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ftkit import environment
from ftkit.console import console
from ftkit.errors import FtkitError, InputError
from ftkit.features.segments import Segment, digest_of, joined, pack, read
from ftkit.files import replacing
from ftkit.privacy import Mask
from ftkit.runs.masking import machine_key

SEGMENT = 64 * 2**20  # bytes after which a segment is written, so that memory holds no more than that
MOST, SHARE = 5 * 2**30, 0.1  # bytes; share of the disk that is free
WAIT = 60  # seconds for another process that is writing
ABANDONED = 3600  # seconds after which a half-written file is nobody's any more


@dataclass
class Cache:
    """A folder of shelves, kept below a number of bytes."""

    root: Path
    limit: int
    """bytes; with 0 nothing is written"""
    secret: bytes = b""
    """where rows are hidden: only the owner may read the cache, and hashes in it are keyed with this"""
    broken: bool = False
    """whether the disk refused something; said once, and then nothing is written any more"""
    open: dict[str, Shelf] | None = None
    """shelves by key where they stay open for whoever asks next, as when several runs read the same rows"""

    @classmethod
    def in_memory(cls) -> Cache:
        """One that leaves nothing behind."""
        return cls(Path(), 0, broken=True)

    @classmethod
    def default(cls) -> Cache:
        """The user's: FTKIT_CACHE, else XDG_CACHE_HOME/ftkit, else ~/.cache/ftkit; FTKIT_CACHE_GB caps it.

        Raises InputError for a cap that is no number.
        """
        root = environment.cache_folder()
        wanted = os.environ.get("FTKIT_CACHE_GB", "")
        if not wanted:
            return cls(root, min(MOST, int(SHARE * _free(root)) + _size(root)))
        try:
            return cls(root, int(float(wanted) * 2**30))
        except ValueError:
            raise InputError(f"FTKIT_CACHE_GB={wanted}: expected a number of GiB", "such as FTKIT_CACHE_GB=2") from None

    @classmethod
    def within(cls, place: Path) -> Cache:
        """One for the rows of a single run that nobody else may see."""
        return cls(place, MOST, secret=machine_key())

    def shelf(self, key: str) -> Shelf:
        """The entries of one key."""
        shelf = Shelf(self, self.root / "activations" / key)
        return shelf if self.open is None else self.open.setdefault(key, shelf)

    def close(self, shelf: Shelf) -> None:
        """Keep a shelf open no longer."""
        if self.open is not None:
            self.open.pop(shelf.place.name, None)

    @property
    def held(self) -> int:
        """Bytes of open shelves that are in memory, since the disk refused them."""
        return sum(shelf.held for shelf in (self.open or {}).values())

    def names(self, hashes: Sequence[str]) -> list[str]:
        """What rows are known by here: their `input_hash`, or where rows are hidden its keyed hash."""
        mask = Mask(on=bool(self.secret), key=self.secret)
        return [mask.digest(one) for one in hashes]

    def trim(self, keep: Path) -> None:
        """Take away the least recently used segments until the limit holds; those in `keep` go last."""
        found = sorted(
            self.root.glob("activations/*/*.safetensors"), key=lambda path: (path.parent == keep, _used(path))
        )
        size = sum(_length(path) for path in found)
        for path in self.root.glob("activations/*/.*.tmp"):  # of a process that was killed while it wrote
            if _used(path) < time.time() - ABANDONED:
                path.unlink(missing_ok=True)
        for path in found:
            if size <= self.limit:
                return
            size -= _length(path)
            path.unlink(missing_ok=True)  # whoever has it open goes on reading it

    def forget(self, hashes: Collection[str]) -> int:
        """Take rows out of every shelf; returns the entries that there were.

        Segments that hold some of them are replaced by others: whoever has one open goes on reading it.
        """
        gone, count = set(self.names(list(hashes))), 0
        for path in sorted(self.root.glob("activations/*/*.safetensors")):
            with suppress(ValueError, OSError):  # damaged, or gone: the next reader finds that out
                segment = read(path)
                if not gone.isdisjoint(segment.starts):
                    left = {digest: segment[digest].clone() for digest in segment.starts if digest not in gone}
                    count += len(segment.starts) - len(left)
                    self._replace(path, left if segment.sha256 == digest_of(path.parent.name, segment) else {})
        return count

    def _replace(self, path: Path, left: Mapping[str, torch.Tensor]) -> None:
        with self.writing(path.parent):
            if left:
                with replacing(path.parent / f"{secrets.token_hex(8)}.safetensors") as temporary:
                    if self.secret:
                        temporary.chmod(0o600)
                    temporary.write_bytes(pack(path.parent.name, left))
            path.unlink(missing_ok=True)

    @contextmanager
    def writing(self, place: Path) -> Iterator[None]:
        """One process at a time in a folder, which is made where it is missing."""
        from filelock import FileLock

        for one in (self.root, place.parent, place):
            one.mkdir(parents=True, exist_ok=True, mode=0o700 if self.secret else 0o777)
        with FileLock(self.root / ".lock", timeout=WAIT, mode=0o600 if self.secret else 0o666):
            yield

    def refused(self, error: Exception) -> None:
        """Write nothing any more, and say why once."""
        if not self.broken:
            console.warn(f"{self.root}: activations cannot be kept there ({str(error).splitlines()[0]})")
        self.broken = True


def clear() -> int:
    """Empty the user's cache; returns the bytes that it took."""
    root = environment.cache_folder()
    size = _size(root)
    for name in ("activations", "decoded"):
        shutil.rmtree(root / name, ignore_errors=True)
    return size


@dataclass
class Shelf:
    """Entries of one key: tensors (positions, …) by hash."""

    cache: Cache
    place: Path
    held: int = 0
    """bytes of entries that the disk refused, and that are in memory"""
    _seen: set[Path] = field(default_factory=set)
    _closed: dict[Path, Segment] = field(default_factory=dict)
    """files with nothing in them that was asked for yet: their checksums are not worth the reading"""
    _where: dict[str, Segment] = field(default_factory=dict)

    def __contains__(self, digest: str) -> bool:
        return digest in self._where

    def __getitem__(self, digest: str) -> torch.Tensor:
        return self._where[digest][digest]

    def open(self, wanted: Collection[str]) -> None:
        """Look for rows in what is there by now; a damaged segment is named, taken away, and computed anew."""
        for path in sorted({*self.place.glob("*.safetensors")} - self._seen):
            self._seen.add(path)
            with suppress(FileNotFoundError), self._sound(path):  # gone: taken away for want of room
                self._closed[path] = read(path)
        for path, segment in list(self._closed.items()):
            if any(digest in segment.starts and digest not in self for digest in wanted):
                del self._closed[path]
                with self._sound(path):
                    if segment.sha256 != digest_of(self.place.name, segment):
                        raise ValueError("its checksum does not fit")
                    self._add(segment)
                    with suppress(OSError):
                        os.utime(path)

    @contextmanager
    def _sound(self, path: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (ValueError, OSError) as error:
            console.warn(f"{path}: is damaged ({error}), so its rows are computed anew")
            with suppress(OSError):
                path.unlink()

    def put(self, entries: Mapping[str, torch.Tensor]) -> None:
        """Keep entries for this process, and on disk what is not there yet."""
        if not entries:
            return
        if self.cache.limit and not self.cache.broken:
            try:
                self._publish(entries)
            except (OSError, FtkitError) as error:  # the disk refuses, or another process has been writing for long
                self.cache.refused(error)
        left = {digest: one for digest, one in entries.items() if digest not in self}
        if left:  # the disk refused them
            segment = joined(left)
            self.held += segment.flat.nbytes
            self._add(segment)

    def _publish(self, entries: Mapping[str, torch.Tensor]) -> None:
        with self.cache.writing(self.place):
            self.open(entries)
            if new := {digest: one for digest, one in entries.items() if digest not in self}:
                path = self.place / f"{secrets.token_hex(8)}.safetensors"
                with replacing(path) as temporary:
                    if self.cache.secret:
                        temporary.chmod(0o600)
                    temporary.write_bytes(pack(self.place.name, new))
                self.open(entries)
                self.cache.trim(self.place)

    def _add(self, segment: Segment) -> None:
        for digest in segment.starts:
            self._where.setdefault(digest, segment)


def _free(root: Path) -> int:
    place = next((one for one in (root, *root.parents) if one.is_dir()), Path(tempfile.gettempdir()))
    return shutil.disk_usage(place).free


def _size(root: Path) -> int:
    return sum(map(_length, _entries(root)))


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def entries(root: Path) -> tuple[int, int]:
    """Files and bytes of a cache."""
    found = _entries(root)
    return len(found), sum(map(_length, found))


def _entries(root: Path) -> list[Path]:
    return [*root.glob("activations/*/*.safetensors"), *root.glob("decoded/*/*/*.npy")]
