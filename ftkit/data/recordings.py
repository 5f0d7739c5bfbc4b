"""A folder of recordings, one table a file, -> cells with a column `file`, and `label` where subfolders are labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ftkit.data.cells import Cells
from ftkit.data.numbers import numbers
from ftkit.data.sources import File, load
from ftkit.data.table import BadRow
from ftkit.errors import InputError
from ftkit.privacy import shown
from ftkit.recipe.paths import DATA_FILE

FILE, LABEL = "file", "label"
LOOKED_AT = 200  # rows of the first file

Read = Callable[[File], Cells]


def listing(folder: Path) -> list[Path]:
    """Tables in a folder and in its subfolders, sorted; what systems and tools keep for themselves aside."""
    found = [path for pattern in ("*", "*/*") for path in folder.glob(pattern) if DATA_FILE.fullmatch(path.name)]
    inside = (path for path in found if path.is_file() and path.suffix.lower() not in (".txt", ".xlsx", ".xls"))
    return sorted(path for path in inside if not any(part[:1] in "._" for part in path.relative_to(folder).parts))


def fits(folder: Path, read: Read) -> bool:
    """Whether the folder holds several tables of which the first has a column of measured numbers, and no texts."""
    paths = listing(folder)
    if len(paths) < 2:
        return False
    try:
        frame = read(load(str(paths[0]), paths[0])).frame.head(LOOKED_AT)
    except InputError:
        return False
    shares = [float(np.isfinite(numbers(frame[name])).mean()) for name in frame if not _listed(frame[name])]
    longest = max((frame[name].astype(str).str.len().mean() for name in frame), default=0)
    return len(frame) > 1 and any(share > 0.9 for share in shares) and longest < 40


def read(source: str, folder: Path, each: Read) -> tuple[Cells, str]:
    """All files below one another, and a hash of their names and contents; `each` reads one.

    A file that cannot be read is one bad row. Columns that not all files have are left out, with a note.
    """
    paths = listing(folder)
    pieces: list[Cells] = []
    names: list[str] = []
    bad: list[BadRow] = []
    digest = hashlib.sha256()
    for number, path in enumerate(paths, 1):
        name = path.relative_to(folder).as_posix()
        try:
            file = load(str(path), path)
            pieces.append(each(file))
        except InputError as error:
            reason = error.message.removeprefix(f"{path}: ")
            bad.append(BadRow(source, number, f"file that cannot be read: {shown(name)}: {reason}"))
            continue
        digest.update(f"{name}\0{file.sha256}\n".encode("utf-8", "surrogateescape"))
        names.append(name)
        bad += [BadRow(str(path), one.line, one.reason) for one in pieces[-1].bad]
    if not pieces:
        raise InputError(f"{source}: none of its {len(paths)} files can be read: {bad[0].reason}", "look at the first")
    return _joined(source, pieces, names, bad), digest.hexdigest()


def _joined(source: str, pieces: list[Cells], names: list[str], bad: list[BadRow]) -> Cells:
    shared = [name for name in pieces[0].frame if all(name in one.frame for one in pieces)]
    if not shared:
        hint = f"give one of them, or a folder of equal ones: {', '.join(names[:3])}"
        raise InputError(f"{source}: its files share no column", hint)
    odd = sorted({str(name) for one in pieces for name in one.frame if name not in shared})
    frame = pd.concat([one.frame[shared] for one in pieces], ignore_index=True)
    sizes = [len(one.frame) for one in pieces]
    frame[FILE] = pd.Series(np.repeat(np.array(names, dtype=object), sizes), dtype="str")
    notes = [f"folder of {len(names):,} recordings, one a file"]
    if odd:
        notes.append(f"columns that not all files have are left out: {', '.join(odd[:5])}")
    if LABEL not in frame and all("/" in name for name in names):
        frame[LABEL] = frame[FILE].str.partition("/")[0]
        notes.append("label: the names of its subfolders")
    lines = np.concatenate([one.lines for one in pieces])
    return Cells(frame, lines, tuple(notes), tuple(bad))


def _listed(cells: pd.Series) -> bool:
    return any(isinstance(cell, list) for cell in cells.head(3))
