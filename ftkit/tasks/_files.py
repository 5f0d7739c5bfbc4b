"""What tasks share whose rows are files: finding each inside the data folder, and decoding it once."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Self

import numpy as np

from ftkit.console import console
from ftkit.data.embedded import Embedded
from ftkit.data.items import FileItem
from ftkit.errors import InputError
from ftkit.tasks import Encoded, Guess
from ftkit.tasks._labelled import Labelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ftkit.bases import Base
    from ftkit.data.decoded import Store
    from ftkit.data.table import Gold, Parsed, Table


PIECE = 1 << 20  # bytes of a file that are read at a time


class BadFile(Exception):
    """A file that cannot be a row; the message is the reason, in a few words and without its name."""


@dataclass(frozen=True)
class Reader:
    """How a base wants files decoded."""

    settings: str
    """all that changes the array of a file: part of what it is kept under"""
    name: str
    """of the array, as `collate` knows it"""
    decode: Callable[[BinaryIO], np.ndarray]
    """raises BadFile"""
    remark: Callable[[BinaryIO], str] = field(default=lambda file: "")
    """what decoding changes of a file beyond what every file goes through, such as its colours; empty for nothing"""
    variant: Callable[[BinaryIO], str] = field(default=lambda file: "")
    """what arrays of this file depend on beside the settings; empty for nothing"""
    note: Callable[[np.ndarray], str] = field(default=lambda array: "")
    """what a person may want to know of an array, in a few words; empty where it is as one would expect"""
    rate: float | None = None
    """positions in a second, where rows are footage"""
    stretches: Callable[[BinaryIO, Sequence[tuple[float, float]]], Iterator[tuple[int, np.ndarray]]] | None = None
    """(place, array) of parts of a file, from when to when in seconds, in one pass; raises BadFile"""


@dataclass(frozen=True)
class Found:
    """A file as a row, or why it cannot be one, and what is to be said of it."""

    item: FileItem | None = None
    remarks: Sequence[str] = ()
    fault: str | None = None


class FileTask(Labelled):
    """Files in, labels out. A folder with one subfolder per label, or a table that names them."""

    file: str = "auto"
    """column of the path, relative to the table's folder, or of the file itself, as Parquet may hold it"""

    reads_files: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = ()
    """endings of its files, lower case with the dot"""
    noun: ClassVar[str] = "file"

    # ---- for the tasks to fill in ----

    def reader(self, processor: Any) -> Reader:
        """How files become arrays for the base whose processor this is."""
        raise TypeError(f"{type(self).__name__} has no reader")

    # ---- data ----

    @classmethod
    def recognise(cls, table: Table) -> Guess:
        """Fits a table in which most cells of a column end as the task's files do, or hold such files."""
        from ftkit.data.guess import guess_label

        shares = {str(name): _share(table.frame[name].head(200).to_list(), cls.suffixes) for name in table.frame}
        best = max(shares, key=lambda name: shares[name], default="")
        if not best or shares[best] < 0.5:
            return Guess(0.0, {}, f"no column names {cls.noun}s")
        fields, why = {"file": best}, f"file: {best} ({cls.noun}s)"
        if labels := guess_label(table.frame.drop(columns=[best]), ()):
            fields, why = fields | {"label": labels[0].column}, f"{why}; label: {labels[0].why}"
        # numbers beside files describe them: that the files are meant is surer than any other reading of the table
        return Guess(0.98 if "label" in fields else 0.5, fields, why)

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The file and label columns that the table must have."""
        label = (self.label,) if isinstance(self.label, str) else tuple(self.label)
        return {"task.file": (self.file,), "task.label": label}

    def resolve(self, table: Table) -> Self:
        """Decide columns and multi-label from the training table, where they are `auto`."""
        task = self
        if "auto" in (self.file, self.label):
            guess = self.recognise(table)
            task = self.model_copy(update={k: v for k, v in guess.fields.items() if getattr(self, k) == "auto"})
        for key in ("file", "label"):
            if getattr(task, key) == "auto":
                columns = ", ".join(map(str, table.frame.columns))
                hint = f"--set task.{key}=COLUMN"
                raise InputError(f"{table.source}: which column is the {key}? It has {columns}", hint)
        return task.with_kind(table)

    def parse(self, table: Table, max_chars: int, labelled: bool = True, base: Base | None = None) -> Parsed:
        """Files and labels of every row; each file is decoded here, so that a bad one is a fault, not a crash."""
        from ftkit.data.decoded import Store
        from ftkit.data.table import Parsed

        assert base is not None
        reader = self.reader(self.processor(base))
        store, root = Store.of(reader.settings), root_of(table)
        gold: list[Gold] = self.gold(table) if labelled else [None] * len(table.frame)
        cells = table.frame[self.file].to_list()
        inputs: list[tuple[str, ...] | None] = []
        faults: list[str | None] = []
        notes: Counter[str] = Counter()
        with console.progress(f"decoding {self.noun}s", len(gold)) as bar:
            for found, label in zip(self.found(table, root, reader, store), gold, strict=True):
                fault = found.fault or ("no label" if labelled and label is None else None)
                inputs.append(None if fault or found.item is None else (found.item,))
                notes.update(() if fault else found.remarks)
                faults.append(fault)
                bar.update(len(faults))
        names = [name_of(cell, number) for number, cell in enumerate(cells, 1)]
        return Parsed(inputs=inputs, gold=gold, faults=faults, names=names, notes=notes)

    def found(self, table: Table, root: Path, reader: Reader, store: Store) -> Iterator[Found]:
        """What stands behind each row."""
        for number, cell in enumerate(table.frame[self.file].to_list(), 1):
            try:
                yield Found(*item_of(cell, root, number, reader, store))
            except BadFile as error:
                yield Found(fault=str(error))

    # ---- model ----

    def encode(self, inputs: list[tuple[str, ...]], processor: Any) -> Encoded:
        """Files as decoded; each is looked up when it is needed, so that memory does not grow with their number."""
        from ftkit.data.decoded import Decoded, Store

        reader = self.reader(processor)
        items = [part for (part,) in inputs if isinstance(part, FileItem)]
        assert len(items) == len(inputs)
        lengths = np.array([item.length for item in items], dtype=np.int64)
        rows = Decoded(items, Store.of(reader.settings), reader.name, lengths, lambda item: _again(item, reader))
        return Encoded(rows, truncated=0, unknown=0, pieces=0)


def root_of(table: Table) -> Path:
    """The folder that paths in a table are relative to, and which none may leave."""
    path = Path(table.source).expanduser()
    return (path if path.is_dir() else path.parent).resolve()


def item_of(cell: Any, root: Path, number: int, reader: Reader, store: Store) -> tuple[FileItem, list[str]]:
    """A file as a row, decoded unless it is known, and what is to be said of it."""
    with opened(cell, root) as (place, file):
        digest = digest_of(file, reader)
        array = store.get(digest)
        if array is None:
            array = reader.decode(file)
            store.put(digest, array)
        file.seek(0)
        said = [reader.remark(file), reader.note(array)]
    name = called(cell, place, root, number)
    seconds = None if reader.rate is None else len(array) / reader.rate
    return FileItem(name, digest, place, len(array), seconds), [one for one in said if one]


@contextmanager
def opened(cell: Any, root: Path) -> Iterator[tuple[Embedded | Path, BinaryIO]]:
    """The file of a cell: where it is, and for reading. Raises BadFile, also for an OSError within."""
    try:
        if isinstance(cell, Embedded) and (held := cell.read()) is not None:
            yield cell, io.BytesIO(held)
            return
        path = _located(cell, root)
        with path.open("rb") as file:
            yield path, file
    except OSError as error:
        raise BadFile(f"not readable ({error.strerror})") from None


def digest_of(file: BinaryIO, reader: Reader) -> str:
    """What the content of a file is known by; it is then at its beginning again. Raises BadFile where there is none."""
    if not file.seek(0, io.SEEK_END):
        raise BadFile("empty file")
    file.seek(0)
    state = hashlib.sha256()
    while piece := file.read(PIECE):
        state.update(piece)
    file.seek(0)
    if variant := reader.variant(file):
        state.update(variant.encode())
    file.seek(0)
    return state.hexdigest()[:32]


def called(cell: Any, place: Embedded | Path, root: Path, number: int) -> str:
    """The name of a file that was found: its path in the data folder, or what its cell calls it."""
    return place.relative_to(root).as_posix() if isinstance(place, Path) else name_of(cell, number)


def _located(cell: Any, root: Path) -> Path:
    """Where the file that a cell names lies in the data folder. Raises BadFile."""
    if isinstance(cell, bytes):
        raise BadFile("bytes in a column of text")
    name = (cell.name if isinstance(cell, Embedded) else str(cell or "")).strip()
    if not name or "\0" in name:
        raise BadFile("no file named")
    try:
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise BadFile("path leaves the data folder")
        if not path.is_file():
            raise BadFile("no such file" if not path.exists() else "not a file")
    except OSError as error:
        raise BadFile(f"not readable ({error.strerror})") from None
    return path


def name_of(cell: Any, number: int) -> str:
    """What a cell calls its file; of one without a name, which row it is in."""
    named = cell.name if isinstance(cell, Embedded) else cell
    return str(named).strip() if isinstance(named, str) and named.strip() else f"row {number}"


def _again(item: Any, reader: Reader) -> np.ndarray:
    """Decode a file whose entry is gone."""
    try:
        with item.open() as file:
            if item.stretch is None or reader.stretches is None:
                return reader.decode(file)
            return next(reader.stretches(file, [item.stretch]))[1]
    except (OSError, BadFile) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{item}: has changed since it was read ({why})", "start the run again") from None


def _share(cells: list[Any], suffixes: tuple[str, ...]) -> float:
    def like(cell: Any) -> bool:
        named = cell.name if isinstance(cell, Embedded) else cell
        return isinstance(named, str) and named.strip().lower().endswith(suffixes)

    return sum(map(like, cells)) / max(1, len(cells))
