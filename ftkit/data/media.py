"""A folder of pictures, sounds or clips -> cells `file`, and `label` of those in subfolders. No file is opened."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd

from ftkit.data.cells import Cells
from ftkit.data.names import many
from ftkit.files import os_error
from ftkit.privacy import shown
from ftkit.recipe.paths import CLIPS, IMAGES, SOUNDS

KINDS = {"pictures": IMAGES, "sounds": SOUNDS, "clips": CLIPS}


FILE = "file"
"""column of paths"""


def kind_of_file(path: Path) -> str | None:
    """What a file by itself is, by its name: a name of `KINDS`; None for anything else, such as a table."""
    return next((kind for kind, suffixes in KINDS.items() if path.name.lower().endswith(suffixes)), None)


def is_listing(source: str) -> bool:
    """Whether a source is no table, but a folder, or a picture, sound or clip by itself."""
    path = Path(source).expanduser()
    return path.is_dir() or (path.is_file() and kind_of_file(path) is not None)


def read_file(source: str, path: Path, kind: str) -> tuple[Cells, str]:
    """A picture, sound or clip by itself: a table of one row."""
    cells = Cells(pd.DataFrame({FILE: [path.name]}, dtype="str"), np.arange(1, 2), (f"one file of {kind}",))
    return cells, _digest(source, path.parent, [path.name])


def kind_of(folder: Path) -> str | None:
    """What the subfolders, or else the folder itself, hold most of, a name of `KINDS`; None for nothing of them."""
    return _kind([names for _, names in _subfolders(folder)]) or _kind([_files(folder)])


def kind_below(folder: Path) -> str | None:
    """The same of all files below a folder, however deep."""
    return _kind([_below(folder)])


def read_below(source: str, folder: Path, kind: str) -> tuple[Cells, str]:
    """All files of a kind below a folder, however deep: what they are is told by their names (`data.path`)."""
    files = _below(folder)
    paths = [name for name in files if name.lower().endswith(KINDS[kind])]
    notes = [f"folder of {many(len(paths), 'file')} of {kind}"]
    if others := len(files) - len(paths):
        notes.append(f"{many(others, 'file')} left out: no {kind}")
    frame = pd.DataFrame({FILE: paths}, dtype="str")
    if all(path.count("/") == 1 for path in paths):
        frame["label"] = frame[FILE].str.partition("/")[0]
    return Cells(frame, np.arange(1, len(paths) + 1), tuple(notes)), _digest(source, folder, paths)


def _below(folder: Path) -> list[str]:
    """Files below a folder, by their paths in it, sorted; links are not followed."""
    found: list[str] = []
    for place, inside, names in os.walk(folder):
        inside[:] = [name for name in inside if not name.startswith((".", "__"))]
        found += [Path(place, name).relative_to(folder).as_posix() for name in names if name[0] != "."]
    return sorted(found)


def _kind(several: list[list[str]]) -> str | None:
    counts = dict.fromkeys(KINDS, 0)
    for names in several:
        for kind, suffixes in KINDS.items():
            counts[kind] += sum(name.lower().endswith(suffixes) for name in names)
    best = max(counts, key=lambda kind: counts[kind])
    return best if counts[best] else None


def read(source: str, folder: Path, kind: str) -> tuple[Cells, str]:
    """All files of a kind with their labels, and a hash of the sorted listing with every file's size.

    Where no subfolder holds any, those of the folder itself, without labels.
    """
    if not _kind([names for _, names in _subfolders(folder)]):
        return _flat(source, folder, kind)
    files: list[tuple[str, str]] = []
    others, empty = 0, list[str]()
    for label, names in _subfolders(folder):
        mine = [name for name in names if name.lower().endswith(KINDS[kind])]
        others += len(names) - len(mine)
        empty += [] if mine else [label]
        files += [(label, name) for name in mine]
    paths = [f"{label}/{name}" for label, name in files]
    notes = [f"folder of {many(len({label for label, _ in files}), 'label')}: the names of its subfolders"]
    if empty:
        notes.append(f"subfolders without {kind} left out: {', '.join(map(shown, empty[:5]))}")
    if others:
        notes.append(f"{many(others, 'file')} in subfolders left out: no {kind}")
    frame = pd.DataFrame({FILE: paths, "label": [label for label, _ in files]}, dtype="str")
    return Cells(frame, np.arange(1, len(files) + 1), tuple(notes)), _digest(source, folder, paths)


def _flat(source: str, folder: Path, kind: str) -> tuple[Cells, str]:
    files = _files(folder)
    paths = [name for name in files if name.lower().endswith(KINDS[kind])]
    notes = [f"folder of {kind} without labels"]
    if others := len(files) - len(paths):
        notes.append(f"{many(others, 'file')} left out: no {kind}")
    frame = pd.DataFrame({FILE: paths}, dtype="str")
    return Cells(frame, np.arange(1, len(paths) + 1), tuple(notes)), _digest(source, folder, paths)


def _digest(source: str, folder: Path, paths: list[str]) -> str:
    digest = hashlib.sha256()
    try:
        for path in paths:
            size = (folder / path).stat().st_size
            digest.update(f"{path}\0{size}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise os_error(error, f"reading {source}") from error
    return digest.hexdigest()


def _files(folder: Path) -> list[str]:
    """Names of the files in a folder, sorted; what operating systems keep for themselves is left out."""
    try:
        return sorted(one.name for one in os.scandir(folder) if one.is_file() and one.name[0] != ".")
    except OSError as error:
        raise os_error(error, f"reading {folder}") from error


def _subfolders(folder: Path) -> list[tuple[str, list[str]]]:
    """(name, names of its files) of every subfolder, sorted; what operating systems keep for themselves is left out."""
    try:
        with os.scandir(folder) as entries:
            labels = sorted(one.name for one in entries if one.is_dir() and not one.name.startswith((".", "__")))
    except OSError as error:
        raise os_error(error, f"reading {folder}") from error
    return [(label, _files(folder / label)) for label in labels]
