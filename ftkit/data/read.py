"""A source, whatever it is, -> a table: cells as text, what was detected, and the rows that could not be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ftkit.data import conll, delimited, excel, folder, hub, media, parquet, patterns, recordings, records
from ftkit.data.cells import Cells, refuse_repeated
from ftkit.data.encoding import decode
from ftkit.data.sources import File, load, locate
from ftkit.data.table import Table
from ftkit.errors import Fault, Faults, InputError, did_you_mean
from ftkit.recipe import Data


def read(source: str, data: Data) -> Table:
    """Read a file, a folder with one subfolder per label (of texts, pictures, sounds or clips), or a hub data set.

    Keys of `data` say how (`delimiter`, `quoting`, `header`, `encoding`, `sheet`, `columns`); what they leave
    open is detected and noted. Raises InputError where nothing sensible can be read.
    """
    path = locate(source)
    if path is None:
        cells, sha256 = hub.read(source)
    elif path.is_dir():
        cells, sha256 = _read_folder(source, path, data)
    elif kind := media.kind_of_file(path):
        cells, sha256 = media.read_file(source, path, kind)
    else:
        file = load(source, path)
        cells, sha256 = _read_file(file, data), file.sha256
    if data.path is not None:
        cells = patterns.with_columns(cells, source, data.path)
    if not cells.frame.size:
        raise _no_rows(source, cells)
    cells = _rename(cells, source, data.columns)
    return Table(cells.frame, cells.lines, source, sha256, cells.notes, cells.bad)


def _read_folder(source: str, path: Path, data: Data) -> tuple[Cells, str]:
    """Recordings, pictures, sounds, clips or texts: whatever the folder holds most of."""

    def each(file: File) -> Cells:
        return _read_file(file, data)

    if kind := media.kind_of(path) if data.path is None else media.kind_below(path):
        return (media.read if data.path is None else media.read_below)(source, path, kind)
    if (data.path is not None or recordings.fits(path, each)) and recordings.listing(path):
        return recordings.read(source, path, each)
    return folder.read(source, path, data)


def read_many(sources: str | list[str], data: Data) -> list[Table]:
    """Read each source; if several cannot be read, all of them are named at once."""
    tables: list[Table] = []
    errors: list[InputError] = []
    for source in [sources] if isinstance(sources, str) else sources:
        try:
            tables.append(read(source, data))
        except InputError as error:
            errors.append(error)
    if len(errors) > 1:
        raise Faults(Fault("", error.message, error.hint) for error in errors)
    if errors:
        raise errors[0]
    return tables


def _read_file(file: File, data: Data) -> Cells:
    kind = file.kind
    if kind == "parquet":
        return parquet.read(file.place, file.source)
    if kind == "excel":
        return excel.read(file.raw, file.source, data)
    text, encoding = decode(file.raw, file.source, data.encoding)
    if not text or text.isspace():
        raise InputError(f"{file.source}: is empty", "give a file with rows")
    if kind == "conll":
        cells = conll.read(text, file.source)
    elif kind == "delimited":
        cells = delimited.read(text, file.source, data, file.suffix)
    else:
        cells = records.read(text, file.source, lines=kind == "jsonl")
    return replace(cells, notes=(f"encoding: {encoding.name}", *cells.notes))


def _no_rows(source: str, cells: Cells) -> InputError:
    if len(cells.frame):
        return InputError(f"{source}: has rows but no columns", "give each row a text and a label")
    if not cells.bad:
        return InputError(f"{source}: has column names but no rows", "give a file with rows below its header")
    first = cells.bad[0]
    message = f"{source}: all {len(cells.bad):,} rows are bad; line {first.line}: {first.reason}"
    return InputError(message, "check the delimiter (--set data.delimiter=…) and quoting (--set data.quoting=…)")


def _rename(cells: Cells, source: str, columns: dict[str, str]) -> Cells:
    """Give columns the names that the recipe wants; all others stay."""
    known = list(cells.frame.columns)
    for new, old in columns.items():
        if old not in known:
            raise InputError(f"{source}: data.columns.{new}: no column {old!r}", did_you_mean(old, known))
    frame = cells.frame
    again = {new: old for new, old in columns.items() if list(columns.values()).index(old) != list(columns).index(new)}
    frame = frame.copy() if again else frame
    for new, old in again.items():  # a column may be used under several names
        frame[new] = frame[old]
    frame = frame.rename(columns={old: new for new, old in columns.items() if new not in again})
    refuse_repeated(list(frame.columns), source)
    return replace(cells, frame=frame)
