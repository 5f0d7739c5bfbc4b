"""A table -> a file of the same kind as the source that it came from. The opposite of `read`."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from ftkit.data import conll, media, write_binary
from ftkit.data.dialect import detect
from ftkit.data.encoding import UTF8, Encoding, decode
from ftkit.data.plain import chunks, plain, texts, values
from ftkit.data.sources import SUFFIXES, Kind, load, locate
from ftkit.data.typed import restored
from ftkit.files import replacing
from ftkit.recipe import Data

TEXT = {"csv": ",", "txt": "\t", "tsv": "\t", "tab": "\t"}


@dataclass(frozen=True)
class Style:
    """How a file is stored."""

    kind: Kind
    zipped: bool = False
    encoding: Encoding = UTF8
    delimiter: str = ","
    quoting: bool = True
    newline: str = "\n"
    suffix: str = ""
    """of the file's name, without .gz"""


def write(
    frame: pd.DataFrame, path: Path, like: str, data: Data | None = None, lines: np.ndarray | None = None
) -> tuple[str, ...]:
    """Write all columns of `frame`, with a header, in the file type, encoding and delimiter of the source `like`.

    A folder, a hub data set, or a picture, sound or clip by itself is written as CSV. Where the name of `path` says
    another file type than `like`, the name is obeyed. With `lines` (rows,), which say where the rows stand in `like`,
    columns that come from there are written with their own values in the same file type, numbers as numbers. Returns
    what could not be kept, as sentences; `data` is how `like` was read. The file appears whole or not at all.
    """
    data = data or Data(train=like)
    own = style_of(like, data)
    style, place = _named(own, path), locate(like)
    if lines is not None and place is not None and not media.is_listing(like) and style.kind == own.kind:
        frame = restored(frame, lines, load(like, place), data)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        notes = _fill(frame, stream, style)
    return notes


def style_of(like: str, data: Data) -> Style:
    """How a source is stored."""
    path = locate(like)
    if path is None or media.is_listing(like):
        return Style("delimited")
    file = load(like, path)
    kind = file.kind
    if kind in ("parquet", "excel"):
        return Style(kind, file.zipped)
    text, encoding = decode(file.raw, like, data.encoding)
    newline = "\r\n" if b"\r\n" in text[: 1 << 16] else "\n"
    style = Style(kind, file.zipped, encoding, newline=newline, suffix=file.suffix)
    if kind == "conll":
        return replace(style, delimiter="\t" if conll.tab_separated(text.decode("utf-8").splitlines()) else " ")
    if kind != "delimited":
        return style
    dialect = detect(text, like, data, file.suffix)
    delimiter = dialect.delimiter or TEXT.get(file.suffix, ",")
    return replace(style, delimiter=delimiter, quoting=dialect.quoting)


def _named(style: Style, path: Path) -> Style:
    """The style that the file's name asks for, where it differs."""
    name = path.name.lower()
    suffix = name.removesuffix(".gz").rpartition(".")[2]
    kind = "delimited" if suffix in TEXT else SUFFIXES.get(suffix)
    if kind is None:
        return style
    zipped = name.endswith(".gz")
    if kind != style.kind:
        if style.kind == "conll" and suffix == "txt":
            return replace(style, zipped=zipped)  # .txt says nothing
        return Style(kind, zipped, delimiter="\t" if kind == "conll" else TEXT.get(suffix, ","))
    if kind == "conll":
        return replace(style, zipped=zipped)
    other = suffix not in (style.suffix, "txt")  # .txt says nothing about its delimiter
    return replace(style, zipped=zipped, delimiter=TEXT.get(suffix, ",") if other else style.delimiter)


def _fill(frame: pd.DataFrame, stream: IO[bytes], style: Style) -> tuple[str, ...]:
    if style.kind == "parquet" and not style.zipped:  # which may be large
        return write_binary.parquet(frame, stream)
    if style.kind in ("parquet", "excel"):
        content = io.BytesIO()  # a workbook is written back and forth, which a packed file cannot be
        said = write_binary.parquet(frame, content) if style.kind == "parquet" else write_binary.excel(frame, content)
        with _packed(stream, style) as out:
            out.write(content.getbuffer())
        return said
    notes: tuple[str, ...] = ()
    if style.kind == "conll":
        _, notes = conll.write(frame, style.delimiter, style.newline)
    if style.kind == "delimited" and not style.quoting and _needs_quotes(frame, style.delimiter):
        style = replace(style, quoting=True)
        notes = ("quoting is on: a cell holds a delimiter or a line end",)
    try:
        _text(frame, stream, style)
    except UnicodeEncodeError:
        stream.seek(0)
        stream.truncate()
        _text(frame, stream, replace(style, encoding=UTF8))
        notes += (f"encoding: UTF-8, because {style.encoding.name} cannot hold every character",)
    return notes


@contextmanager
def _packed(stream: IO[bytes], style: Style) -> Iterator[IO[bytes]]:
    if not style.zipped:
        yield stream
        return
    with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as out:  # no name, no time: equal tables, equal bytes
        yield out  # type: ignore[misc]  # a GzipFile is an IO[bytes] in all but name


def _text(frame: pd.DataFrame, stream: IO[bytes], style: Style) -> None:
    pieces = WRITERS[style.kind](frame, style)
    with _packed(stream, style) as out:
        out.write(style.encoding.bom)
        for piece in pieces:
            out.write(piece.encode(style.encoding.codec))


# ---- delimited text ----


def _delimited(frame: pd.DataFrame, style: Style) -> Iterator[str]:
    special = re.compile(f'[{re.escape(style.delimiter)}"\r\n]')

    def shape(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if style.quoting and special.search(text) else text

    yield style.delimiter.join(shape(str(name)) for name in frame.columns) + style.newline
    for part in chunks(frame):
        columns = [[shape(text) for text in texts(part.iloc[:, place])] for place in range(part.shape[1])]
        lines = []
        for row in zip(*columns, strict=True):
            # a row in which nothing at all is written would be a blank line, which is no row
            lines.append(
                style.delimiter.join(row) if any(row) or not style.quoting else '""' + style.delimiter * (len(row) - 1)
            )
        yield style.newline.join(lines) + style.newline


def _needs_quotes(frame: pd.DataFrame, delimiter: str) -> bool:
    pattern = re.compile(f"[{re.escape(delimiter)}\r\n]")
    named = any(pattern.search(str(name)) for name in frame.columns)
    return named or any(pattern.search(text) for place in range(frame.shape[1]) for text in texts(frame.iloc[:, place]))


# ---- JSON ----


def _jsonl(frame: pd.DataFrame, style: Style) -> Iterator[str]:
    for part in chunks(frame):
        yield "".join(line + style.newline for line in _objects(part))


def _json(frame: pd.DataFrame, style: Style) -> Iterator[str]:
    start = "["
    for part in chunks(frame):
        for line in _objects(part):
            yield start + style.newline + line
            start = ","
    yield (style.newline if len(frame) else "[") + "]" + style.newline


def _objects(part: pd.DataFrame) -> list[str]:
    names = [str(name) for name in part.columns]
    columns = [[plain(value) for value in values(part.iloc[:, place])] for place in range(part.shape[1])]
    rows = zip(*columns, strict=True)
    return [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str) for row in rows]


def _conll(frame: pd.DataFrame, style: Style) -> Iterator[str]:
    return conll.write(frame, style.delimiter, style.newline)[0]


WRITERS = {"delimited": _delimited, "json": _json, "jsonl": _jsonl, "conll": _conll}
