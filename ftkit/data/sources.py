"""What a source is: a file, a folder or a hub data set; the bytes of a file, and what kind it is."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from ftkit.data import conll
from ftkit.errors import InputError
from ftkit.files import os_error
from ftkit.recipe.paths import DATA_FILE

Kind = Literal["delimited", "json", "jsonl", "conll", "parquet", "excel"]

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")
FORMATS = "give a CSV, TSV, TXT, JSON, JSONL, CoNLL, Parquet or XLSX file, or one of these with .gz"
SUFFIXES: dict[str, Kind] = {
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "pq": "parquet",
    "xlsx": "excel",
    "xlsm": "excel",
    **dict.fromkeys(conll.SUFFIXES, "conll"),
}
OTHERS = {  # beginnings that no text has
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF89a": "a GIF image",
    b"GIF87a": "a GIF image",
    b"%PDF-": "a PDF document",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xfd7zXZ\0": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"Rar!\x1a\x07": "a RAR archive",
    b"SQLite format 3\0": "an SQLite data base",
    b"ARROW1\0\0": "an Arrow file",
    b"\x93NUMPY": "a NumPy array",
    b"\x7fELF": "a program",
}
GZIP, ZIP, OLE, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PAR1"
PIECE = 1 << 20  # bytes that are read at a time of a file that is not kept in memory


@dataclass(frozen=True)
class File:
    """A file, read and unpacked."""

    source: str
    """as the user named it"""
    raw: bytes
    """content, unpacked if it was gzipped; of Parquet only how it begins, unless it was"""
    sha256: str
    """of the bytes on the disk"""
    suffix: str
    """lower case, without the dot and without .gz"""
    zipped: bool
    place: Path | bytes
    """what Parquet is read from: the file itself, which may be large, or its content"""

    @property
    def kind(self) -> Kind:
        """What it holds: by its first bytes where they tell, else by its name."""
        return _kind(self.raw, self.suffix, self.source)


def locate(source: str) -> Path | None:
    """The file or folder of a source; None for the id of a hub data set.

    Raises InputError, with near names, where neither is meant.
    """
    if not source.strip() or "\0" in source:
        raise InputError(f"{source!r}: not the name of a file", FORMATS)
    path = Path(source).expanduser()
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        parent = path.parts[0] if path.parts else ""
        if HUB_ID.fullmatch(source) and not DATA_FILE.fullmatch(source) and not os.path.exists(parent):
            return None
        raise _missing(source, path) from None
    except OSError as error:
        raise os_error(error, f"reading {source}") from error
    except ValueError:  # half of a character, which no name can hold
        raise InputError(f"{source!r}: not the name of a file", FORMATS) from None
    return path


def _missing(source: str, path: Path) -> InputError:
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        path, folder = folder, folder.parent
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        names = []
    lower = {name.lower(): name for name in names}
    near = [lower[name] for name in get_close_matches(path.name.lower(), lower, n=3, cutoff=0.6)]
    same = [name for name in names if name.partition(".")[0] == path.name.partition(".")[0]]
    found = list(dict.fromkeys(near + same))[:3]
    hint = f"did you mean {' or '.join(str(folder / name) for name in found)}?" if found else "check the path"
    return InputError(f"{source}: no such file or folder", hint)


def load(source: str, path: Path) -> File:
    """Read a file, unpack it if it is gzipped, and hash what is on the disk; Parquet is hashed alone."""
    try:
        with path.open("rb") as file:
            raw = file.read(len(PARQUET))
            raw += b"" if raw == PARQUET else file.read()
            digest = hashlib.sha256(raw)
            while piece := file.read(PIECE):
                digest.update(piece)
    except OSError as error:
        raise os_error(error, f"reading {source}") from error
    name = path.name.lower()
    zipped = raw.startswith(GZIP)
    if zipped:
        raw = _unzip(raw, source)
        name = name.removesuffix(".gz")
    elif name.endswith(".gz") and raw:
        raise InputError(f"{source}: is not gzipped, though its name says so", "rename it without .gz")
    if not raw or raw.isspace():
        raise InputError(f"{source}: is empty", "give a file with rows")
    suffix = name.rpartition(".")[2] if "." in name else ""
    return File(source, raw, digest.hexdigest(), suffix, zipped, path if raw == PARQUET else raw)


def _unzip(raw: bytes, source: str) -> bytes:
    import gzip

    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: broken gzip file: {reason}", "copy or download it again") from None


def _kind(raw: bytes, suffix: str, source: str) -> Kind:
    if raw.startswith(PARQUET):
        return "parquet"
    if raw.startswith(ZIP):
        return _zip_kind(raw, source)
    if raw.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in raw:
            hint = "open it in Excel, remove the password and save it as .xlsx"
            raise InputError(f"{source}: is an encrypted Excel workbook", hint)
        raise InputError(f"{source}: is an old Excel workbook (.xls)", "open it in Excel and save it as .xlsx")
    if raw.startswith(GZIP):
        raise InputError(f"{source}: is gzipped twice", "unpack it once with gunzip")
    for start, what in OTHERS.items():
        if raw.startswith(start):
            raise InputError(f"{source}: is {what}, not a table", FORMATS)
    if re.match(rb"\s*<(!doctype html|html|table|\?xml)", raw[:200], re.IGNORECASE):
        raise InputError(f"{source}: is a web page or XML, not a table", FORMATS)
    kind = SUFFIXES.get(suffix, "delimited")
    if kind in ("parquet", "excel"):
        what = "a Parquet file" if kind == "parquet" else "an Excel workbook"
        raise InputError(f"{source}: is not {what}, though its name says so", "copy it again, or rename it")
    return "conll" if kind == "delimited" and suffix != "csv" and conll.looks_like(raw) else kind


def _zip_kind(raw: bytes, source: str) -> Kind:
    """A workbook is a zip archive of XML files."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        message = f"{source}: is a broken Excel workbook or zip archive"
        raise InputError(message, "copy or download it again") from None
    if "xl/workbook.xml" in names:
        return "excel"
    if "xl/workbook.bin" in names or "content.xml" in names:
        message = f"{source}: is a workbook of another kind (.xlsb or .ods)"
        raise InputError(message, "open it and save it as .xlsx")
    raise InputError(f"{source}: is a zip archive, not a table", "unpack it and give the file inside")
