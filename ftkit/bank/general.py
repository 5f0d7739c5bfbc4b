"""The general adapter that every group starts from: trained for the bank, none at all, or a run that is there."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ftkit import files, folders, pipeline, runs
from ftkit.bank.grouping import Folds
from ftkit.bank.pinning import Pinned
from ftkit.console import console
from ftkit.errors import InputError
from ftkit.models.delivery import read_head
from ftkit.privacy import shown
from ftkit.recipe import Recipe, read
from ftkit.recipe.paths import GENERAL
from ftkit.runs.masking import mask_of

if TYPE_CHECKING:
    from ftkit.data.table import Splits


def given(recipe: Recipe) -> Path | None:
    """The run that a recipe names as its general adapter; None where one is trained, or none is wanted."""
    return None if recipe.bank.general in GENERAL else Path(recipe.bank.general)


def refuse_misfit(recipe: Recipe, splits: Splits, run: Path) -> Recipe:
    """The recipe with method and base of a finished run that its groups start from.

    Raises InputError, in one line, where that run does not fit.
    """
    what = f"bank.general: {run}"
    if folders.is_bank(run):
        raise InputError(f"{what}: is a bank, not a run", f"--general {shlex.quote(str(run / 'general'))}")
    if folders.state(run) != "complete":
        raise InputError(f"{what}: is no finished run", "ftkit train DATA makes one")
    theirs = read(run / runs.RECIPE)
    if not isinstance(theirs.base, str) and theirs.dump()["base"] != recipe.dump()["base"]:
        raise InputError(f"{what}: began from random weights, and the recipe from others", f"--base {run} adapts it")
    for key, one, other in (
        ("task.name", theirs.task.name, recipe.task.name),
        ("base", _named(theirs), _named(recipe)),
        ("method.name", theirs.method.name, recipe.method.name),
    ):
        if one != other:
            raise InputError(f"{what}: its {key} is {one}, but the recipe's is {other}", f"--set {key}={one}")
    known, values = read_head(run / runs.ADAPTER).labels, recipe.task.kind == "values"
    if values and known != splits.rows.labels:
        said = f"{what}: predicts {shown(', '.join(known))}, but the recipe {shown(', '.join(splits.rows.labels))}"
        raise InputError(said, "leave out --general, or name another run")
    if lacking := [label for label in splits.rows.labels if label not in known]:
        raise InputError(f"{what}: knows no label {shown(lacking[0])}", "leave out --general, or name another run")
    _refuse_seen(what, splits, run)
    return recipe.replace({"method": theirs.dump()["method"], "base": theirs.dump()["base"]})


def _named(recipe: Recipe) -> str:
    return recipe.base if isinstance(recipe.base, str) else "random weights"


def _refuse_seen(what: str, splits: Splits, run: Path) -> None:
    pinned, frame = Pinned.of(run), splits.rows.frame
    mask = mask_of(read_head(run / runs.ADAPTER).labels)
    seen = int(sum(mask.digest(one) in pinned.contents for one in frame["content"]))
    if seen and not pinned.count:
        said = f"{what}: was trained on {seen:,} of the {len(frame):,} rows, and no part of it has not seen them"
        raise InputError(said, "leave out --general, or name a run of other rows")
    if pinned.count and not (pinned.folds(Folds.of(splits), frame, mask).fold >= 0).any():
        raise InputError(f"{what}: none of its folds has not seen the rows", "leave out --general")


def made(general: Path, recipe: Recipe, command: str) -> Path:
    """The general adapter's run, trained or copied where it is not there yet."""
    if folders.state(general) == "complete":
        return general
    run = given(recipe)
    if run is not None:
        return _copied(run, general, recipe)
    without = recipe.bank.general == "none"
    console.say("no general adapter: the base and its head" if without else "first the general adapter, for everybody")
    if (general / runs.RECIPE).is_file():
        return pipeline.run(read(general / runs.RECIPE), lambda: general, command)[0]
    if general.exists():
        shutil.rmtree(general)  # it was stopped before it had begun
    recipe = recipe.replace({"train.epochs": 0}) if without else recipe
    return pipeline.run(recipe, lambda: folders.new_run_folder(general, "general", force=False), command)[0]


def _copied(run: Path, general: Path, recipe: Recipe) -> Path:
    """A run with the bank's own block in its recipe; its folder gets its name when it is whole."""
    staged = general.with_name(f".{general.name}.tmp")
    shutil.rmtree(staged, ignore_errors=True)
    shutil.rmtree(general, ignore_errors=True)
    shutil.copytree(run, staged, ignore=shutil.ignore_patterns(runs.CHECKPOINTS, runs.EVALUATIONS))
    theirs = read(run / runs.RECIPE)
    asked = recipe.dump()
    merged = theirs.replace({"bank": asked["bank"], "data": asked["data"], "task": asked["task"]})
    files.write_text(staged / runs.RECIPE, merged.to_yaml())
    staged.rename(general)
    return general
