"""Bases: a name in a recipe becomes a folder of weights that is whole, safe to load, and known by its hash.

A name is, in this order: a packaged model (`minilm`; write `./minilm` for a folder of that name), an existing
folder (of a model, or of an earlier run), or a hub id (`org/name`, `org/name@revision`). Nothing is probed when the
base is packaged, local or cached, and no torch is loaded here, except once to draw random weights.
"""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from ftkit import files
from ftkit.bases import folder as folders
from ftkit.bases import hub, packaged, random, runs
from ftkit.bases.base import Base
from ftkit.bases.loading import explain, require_tokenizer
from ftkit.errors import InputError
from ftkit.runs import START

if TYPE_CHECKING:
    from ftkit.recipe.random import Random

__all__ = ["Base", "explain", "require_tokenizer", "resolve"]

DEFAULT = "minilm"


def resolve(name: str | Random, seed: int = 0) -> Base:
    """The base of that name, checked and hashed; InputError says what to type where there is none.

    `seed` is what random weights are drawn with.
    """
    if not isinstance(name, str):
        return random.find(name.config, seed)
    try:
        return _resolve(name.strip(), Path(), ())
    except OSError as error:  # a folder that may not be entered, a name too long for a path
        raise files.os_error(error, f"reading {name}") from error


def _resolve(name: str, anchor: Path, chain: tuple[Path, ...]) -> Base:
    """`anchor` is the folder that a path is relative to; `chain` the runs that led here."""
    if name in packaged.PACKAGED:
        return packaged.find(name)
    if not name:
        raise InputError("the base has no name", f"--base {DEFAULT}")
    path = anchor / _expanded(name)
    if path.is_dir():
        return _from_folder(name, path, chain)
    if path.exists():
        whole = (path.parent / "config.json").is_file()
        hint = f"--base {shlex.quote(str(path.parent))}" if whole else f"give the folder of a model, or {DEFAULT}"
        raise InputError(f"{name}: a base is a folder, this is a file", hint)
    near = get_close_matches(name, packaged.PACKAGED, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else ""
    if not hub.looks_like_id(name):
        message = f"{name}: there is no such folder, and it is not a hub id either (org/name)"
        raise InputError(message, hint or f"check the path, or take --base {DEFAULT}")
    place, revision = hub.find(name, hint)
    try:
        return Base(name, place, revision, folders.digest(folders.weights(place, name)), "hub")
    except InputError as error:
        if error.hint != folders.AGAIN:
            raise
        raise InputError(error.message, hub.fetch_again(name)) from error


def _drawn(run: Path, name: str) -> Base:
    """The random weights that a run from scratch started from, which it keeps."""
    place = run / START
    if not place.is_dir():
        raise InputError(f"{name}: the weights that it started from ({START}/) are gone", "train the run again")
    return Base(f"{name}/{START}", place, "random", folders.digest(folders.weights(place, name)), "random")


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~somebody, where there is no such user
        return Path(name)


def _from_folder(name: str, path: Path, chain: tuple[Path, ...]) -> Base:
    if not runs.looks_like_run(path):
        return Base(name, path.resolve(), "local", folders.digest(folders.weights(path, name)), "folder")
    run = path.resolve()
    if run in chain:
        loop = " → ".join(str(link) for link in (*chain[chain.index(run) :], run))
        raise InputError(f"{name}: runs that start from each other: {loop}", f"edit base: in {run / 'recipe.yaml'}")
    under = runs.base_name(run, name)
    revision, sha256 = runs.recorded(run)
    parent = _drawn(run, name) if under is None else _under(run, under, revision, (*chain, run))
    if sha256 not in ("", parent.sha256):
        message = f"{name}: its base {parent.name} is no longer what it was trained on (sha256 {sha256[:12]}…)"
        raise InputError(message, "bring that base back, or train the run again")
    return Base(name, parent.folder, parent.revision, runs.digest(run, parent.sha256), "run", run, parent)


def _under(run: Path, under: str, revision: str, chain: tuple[Path, ...]) -> Base:
    """The base that a run names."""
    pinned = f"{under}@{revision}" if hub.is_commit(revision) and "@" not in under else under
    # a path in a run's recipe is relative to it; one written by hand may be relative to the working folder
    anchor = run if (run / _expanded(under)).is_dir() else Path()
    return _resolve(under if (anchor / _expanded(under)).is_dir() else pinned, anchor, chain)
