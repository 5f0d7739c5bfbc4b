"""A folder with one subfolder per label, holding .txt files -> cells `text`, `label`, `file`."""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ftkit.data.cells import Cells
from ftkit.data.encoding import MARKED, Encoding, decode, detect
from ftkit.data.table import BadRow
from ftkit.errors import InputError
from ftkit.files import os_error
from ftkit.privacy import shown
from ftkit.recipe import Data
from ftkit.recipe.paths import DATA_FILE

STEP = 1 << 20  # bytes
SLACK = 4096  # bytes in which to look for a blank to cut at
MARKS = tuple(encoding.bom for encoding in MARKED)


@dataclass(frozen=True)
class _Text:
    label: str
    file: str  # label/name
    head: bytes  # enough bytes for one character more than `data.max_chars`
    size: int
    sha256: str


def read(source: str, folder: Path, data: Data) -> tuple[Cells, str]:
    """All texts with their labels, and a hash of the sorted listing with every file's content.

    A file is read up to one character past `data.max_chars`: enough to see that it is too long.
    """
    paths, notes = _listing(source, folder)
    bound = 4 * (data.max_chars + 1) + SLACK  # bytes: no encoding that is detected takes more than four a character
    try:
        texts = [_load(folder / label / name, label, bound) for label, name in paths]
    except OSError as error:
        raise os_error(error, f"reading {source}") from error
    decoded, encodings, bad = _decode(texts, source, data)
    long = sum(len(text) > data.max_chars for text in decoded.values())
    if long:
        notes.append(f"{long:,} file{'s' if long > 1 else ''} cut after {data.max_chars + 1:,} characters")
    notes.append(f"encoding: {', '.join(encodings)}")
    digest = hashlib.sha256()
    for one in texts:
        digest.update(f"{one.file}\0{one.size}\0{one.sha256}\n".encode("utf-8", "surrogateescape"))
    kept = sorted(decoded)
    frame = pd.DataFrame(
        {
            "text": [decoded[place][: data.max_chars + 1] for place in kept],
            "label": [_readable(texts[place].label) for place in kept],
            "file": [_readable(texts[place].file) for place in kept],
        },
        dtype="str",
    )
    return Cells(frame, np.array(kept, dtype=np.int64) + 1, tuple(notes), tuple(bad)), digest.hexdigest()


def _readable(name: str) -> str:
    """File names may hold bytes that are no text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _listing(source: str, folder: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """(label, file name) of every text, sorted, and notes on what was left out."""
    texts: list[tuple[str, str]] = []
    others = 0
    try:
        with os.scandir(folder) as entries:
            labels = sorted(entry.name for entry in entries if entry.is_dir() and not _private(entry.name))
        for label in labels:
            names = [name for name in sorted(os.listdir(folder / label)) if not _private(name)]
            found = [name for name in names if name.lower().endswith(".txt") and (folder / label / name).is_file()]
            texts += [(label, name) for name in found]
            others += len(names) - len(found)
    except OSError as error:
        raise os_error(error, f"reading {source}") from error
    if not texts:
        raise _no_texts(source, folder, labels)
    held = {label for label, _ in texts}
    notes = [f"folder of {len(held)} label{'s' if len(held) > 1 else ''}: the names of its subfolders"]
    if empty := [shown(_readable(label)) for label in labels if label not in held]:
        notes.append(f"subfolders without .txt files left out: {', '.join(empty[:5])}")
    if others:
        notes.append(f"{others:,} file{'s' if others > 1 else ''} in subfolders left out: not .txt")
    return texts, notes


def _private(name: str) -> bool:
    """Files that operating systems and tools keep for themselves."""
    return name.startswith((".", "__"))


def _no_texts(source: str, folder: Path, labels: list[str]) -> InputError:
    names = sorted(os.listdir(folder))
    files = [name for name in names if DATA_FILE.fullmatch(name) and (folder / name).is_file()]
    deeper = [label for label in labels if any((folder / label).glob("*/*.txt"))]
    hint = "make one subfolder per label with a .txt file per text, or give a table such as reviews.csv"
    if files:
        hint = f"give the file: {folder / files[0]}"
    elif deeper:
        hint = f"did you mean {' or '.join(str(folder / name) for name in deeper[:3])}?"
    return InputError(f"{source}: a folder without subfolders that hold .txt files", hint)


def _load(path: Path, label: str, bound: int) -> _Text:
    """Hash all of a file, keep its beginning."""
    digest, size, head = hashlib.sha256(), 0, bytearray()
    with path.open("rb") as stream:
        while piece := stream.read(STEP):
            digest.update(piece)
            size += len(piece)
            head += piece[: max(bound - len(head), 0)]
    kept = bytes(head) if size == len(head) else _cut(bytes(head))
    return _Text(label, f"{label}/{path.name}", kept, size, digest.hexdigest())


def _cut(head: bytes) -> bytes:
    """The beginning of a file without half a character at its end."""
    blank = max(head.rfind(b" "), head.rfind(b"\n"))  # neither is a part of a longer character but in UTF-16
    if head.startswith(MARKS) and not head.startswith(codecs.BOM_UTF8):
        return head[: len(head) // 4 * 4]
    if blank > len(head) - SLACK:
        return head[:blank]
    for size in range(len(head), len(head) - 4, -1):
        if _is_utf8(head[:size]):
            return head[:size]
    return head


def _decode(texts: list[_Text], source: str, data: Data) -> tuple[dict[int, str], list[str], list[BadRow]]:
    """Text of every readable file by its place, the encodings met, and the files that are no text.

    What is neither UTF-8 nor marked is judged together, because one short file tells too little.
    """
    encodings: dict[int, Encoding] = {}
    bad: dict[int, str] = {}
    for place, one in enumerate(texts):
        told = one.head.startswith(MARKS) or b"\0" in one.head or _is_utf8(one.head)
        if data.encoding == "auto" and not told:
            continue
        try:
            encodings[place] = decode(one.head, source, data.encoding)[1]
        except InputError as error:
            bad[place] = error.message.removeprefix(f"{source}: ")
    rest = [place for place in range(len(texts)) if place not in encodings and place not in bad]
    if rest:
        encodings |= dict.fromkeys(rest, detect(b"\n".join(texts[place].head for place in rest), source))
    decoded: dict[int, str] = {}
    for place, encoding in encodings.items():
        try:
            decoded[place] = texts[place].head[len(encoding.bom) :].decode(encoding.codec)
        except UnicodeError:
            bad[place] = f"not {encoding.name}"
    names = dict.fromkeys(encodings[place].name for place in sorted(encodings))
    # a file's name holds its label: in private rows neither may be shown
    rows = [
        BadRow(source, place + 1, f"{shown(_readable(texts[place].file))}: {reason}")
        for place, reason in sorted(bad.items())
    ]
    return decoded, list(names), rows


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
