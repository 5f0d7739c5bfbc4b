"""A folder with one subfolder per label that holds pictures or sounds -> cells `file`, `label`; nothing is decoded."""

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

IMAGES = (".jpg", ".jpeg", ".png", ".webp")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
KINDS = {"pictures": IMAGES, "sounds": SOUNDS}


def kind_of(folder: Path) -> str | None:
    """What the subfolders hold most of, `pictures` or `sounds`; None where they hold neither."""
    counts = dict.fromkeys(KINDS, 0)
    for _, names in _subfolders(folder):
        for kind, suffixes in KINDS.items():
            counts[kind] += sum(name.lower().endswith(suffixes) for name in names)
    best = max(counts, key=lambda kind: counts[kind])
    return best if counts[best] else None


def read(source: str, folder: Path, kind: str) -> tuple[Cells, str]:
    """All files of a kind with their labels, and a hash of the sorted listing with every file's size."""
    files: list[tuple[str, str]] = []
    others, empty = 0, list[str]()
    digest = hashlib.sha256()
    for label, names in _subfolders(folder):
        mine = [name for name in names if name.lower().endswith(KINDS[kind])]
        others += len(names) - len(mine)
        empty += [] if mine else [label]
        files += [(label, name) for name in mine]
    try:
        for label, name in files:
            size = (folder / label / name).stat().st_size
            digest.update(f"{label}/{name}\0{size}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise os_error(error, f"reading {source}") from error
    notes = [f"folder of {many(len({label for label, _ in files}), 'label')}: the names of its subfolders"]
    if empty:
        notes.append(f"subfolders without {kind} left out: {', '.join(map(shown, empty[:5]))}")
    if others:
        notes.append(f"{many(others, 'file')} in subfolders left out: no {kind}")
    frame = pd.DataFrame(
        {"file": [f"{label}/{name}" for label, name in files], "label": [label for label, _ in files]}, dtype="str"
    )
    return Cells(frame, np.arange(1, len(files) + 1), tuple(notes)), digest.hexdigest()


def _subfolders(folder: Path) -> list[tuple[str, list[str]]]:
    """(name, names of its files) of every subfolder, sorted; what operating systems keep for themselves is left out."""
    try:
        with os.scandir(folder) as entries:
            labels = sorted(one.name for one in entries if one.is_dir() and not one.name.startswith((".", "__")))
        return [
            (label, sorted(one.name for one in os.scandir(folder / label) if one.is_file() and one.name[0] != "."))
            for label in labels
        ]
    except OSError as error:
        raise os_error(error, f"reading {folder}") from error
