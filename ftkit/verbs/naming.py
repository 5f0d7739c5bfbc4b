"""Names of what a command writes, when the user gives none."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from ftkit.errors import InputError
from ftkit.recipe.paths import CLIPS, IMAGES, SOUNDS

if TYPE_CHECKING:
    from ftkit.recipe import Recipe

PACKED = (".gz",)
RECIPE = (".yaml", ".yml")


def split_suffix(name: str) -> tuple[str, str]:
    """`my.reviews.csv.gz` -> (`my.reviews`, `.csv.gz`)."""
    path = Path(name)
    packed = path.suffix if path.suffix.lower() in PACKED else ""
    inner = Path(path.name.removesuffix(packed))
    return inner.stem, inner.suffix + packed


def run_stem(target: str, recipe: Recipe) -> str:
    """What a run is called before its number: the recipe's file, or the data's where that says nothing."""
    stem, suffix = split_suffix(target)
    if suffix.lower() in RECIPE and stem != "recipe":
        return stem
    train = recipe.data.train
    stem, _ = split_suffix(train if isinstance(train, str) else train[0])
    return stem


def predictions_file(file: str, out: Path | None, force: bool) -> Path:
    """`out`, or `<stem>.predicted.<suffix>` in the working folder; never the input itself."""
    stem, suffix = split_suffix(file)
    usual = f"{stem}.predicted{'.csv' if suffix.lower() in ('', *IMAGES, *SOUNDS, *CLIPS) else suffix}"
    path = out or Path(usual)
    if path.is_dir():
        raise InputError(f"{path}: is a folder", f"--out {shlex.quote(str(path / usual))}")
    if path.exists():
        if Path(file).exists() and path.samefile(file):
            raise InputError(f"{path}: is the input itself", "choose another --out")
        if not force:
            raise InputError(f"{path}: already exists", "--force, or another --out")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}", f"mkdir -p {shlex.quote(str(path.parent))}")
    return path
