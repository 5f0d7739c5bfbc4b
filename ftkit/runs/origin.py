"""What a run was begun with, kept beside its checkpoints, so that it is taken up with nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import environment, runs
from ftkit.console import console
from ftkit.errors import InputError
from ftkit.files import write_json

if TYPE_CHECKING:
    from ftkit.bases import Base
    from ftkit.data.table import Splits
    from ftkit.recipe import Recipe

SCHEMA = 1
NAME = "origin.json"
MEASURED = {"train.precision": "auto", "train.accumulate": 1}
"""recipe keys that a run may have settled by measuring, and written into its recipe, before it was stopped"""
SHOWN = 12  # changes; a hundred of them say no more


def origin_of(recipe: Recipe, splits: Splits, base: Base) -> dict[str, Any]:
    """Everything that decides how a run comes out: recipe (threads among it), data, base, versions."""
    return {
        "schema": SCHEMA,
        "recipe": recipe.dump(),
        "files": dict(splits.report.files),
        "base": base.sha256,
        "versions": environment.versions(),
        "attempts": 1,
    }


def begin(folder: Path, origin: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the origin of a new run, or hold it against that of the run that is taken up; returns the one kept.

    Raises InputError with a list of what has changed in recipe, data or base since. Another version of
    a library is said aloud: results then agree only up to rounding.
    """
    known = read(folder)
    if known is None:
        write(folder, origin)
        return dict(origin)
    if changes := list(_changes(known, origin)):
        more = [f"and {len(changes) - SHOWN} more"] * (len(changes) > SHOWN)
        said = "; ".join(changes[:SHOWN] + more)
        hint = "put that back, or train anew with another --out"
        raise InputError(f"{folder}: cannot be taken up, since it has changed: {said}", hint)
    for key, was, now in _differences({"versions": known["versions"]}, {"versions": origin["versions"]}):
        console.warn(f"{key} was {was}, is {now}: the result will equal that of one go only up to rounding")
    known["attempts"] += 1
    write(folder, known)
    return known


def write(folder: Path, origin: Mapping[str, Any]) -> None:
    """Keep an origin beside the checkpoints."""
    path = folder / runs.CHECKPOINTS / NAME
    path.parent.mkdir(exist_ok=True)
    write_json(path, origin)


def read(folder: Path) -> dict[str, Any] | None:
    """The origin of a run that has not ended well; None where there is none, or it cannot be read."""
    try:
        found: dict[str, Any] = json.loads((folder / runs.CHECKPOINTS / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.get("schema") == SCHEMA else None


def _changes(known: Mapping[str, Any], origin: Mapping[str, Any]) -> Iterator[str]:
    for key, was, now in _differences(known["recipe"], json.loads(json.dumps(origin["recipe"]))):
        if was != json.dumps(MEASURED.get(key)):
            yield f"{key} was {was}, is {now}"
    for name, digest in known["files"].items():
        if origin["files"].get(name) != digest:
            yield f"{name} holds other data" if name in origin["files"] else f"{name} is no longer read"
    yield from (f"{name} is new" for name in origin["files"] if name not in known["files"])
    if known["base"] != origin["base"]:
        yield "the base has other weights"


def _differences(was: Any, now: Any, key: str = "") -> Iterator[tuple[str, str, str]]:
    """(dotted key, old value, new value) wherever two trees differ."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*was, *now]):
            yield from _differences(was.get(name), now.get(name), f"{key}.{name}".strip("."))
    elif was != now:
        yield key, json.dumps(was, ensure_ascii=False), json.dumps(now, ensure_ascii=False)
