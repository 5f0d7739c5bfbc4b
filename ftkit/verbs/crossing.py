"""Every run on every data set: evaluate what is not kept yet, and draw up the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftkit.verbs import evaluating


def cross(
    folders: Sequence[Path],
    files: Sequence[str],
    metric: str | None = None,
    margin: float | None = None,
    changes: Sequence[tuple[str, str]] = (),
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The `matrix` of a comparison (`comparison.matrix.crossed`).

    The first run is the reference; `changes` say how files are read. Raises InputError, before anything
    is computed, for what is no finished run and for data that no run can read.
    """
    from ftkit.comparison.matrix import crossed

    files = list(dict.fromkeys(files))
    return crossed(folders, files, evaluating.attempt(folders, files, changes), metric, margin, names)
