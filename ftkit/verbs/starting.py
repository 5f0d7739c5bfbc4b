"""From what was typed to a recipe, and from a recipe to a run: the doors of `train`, `check` and `new`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import folders, privacy, registry
from ftkit.errors import InputError, did_you_mean
from ftkit.recipe import shipped
from ftkit.verbs import naming

if TYPE_CHECKING:
    from ftkit.recipe import Recipe

Change = tuple[str, str]
"""dotted recipe key, value as YAML"""


def recipe_for(target: str, changes: list[Change]) -> Recipe:
    """The recipe of a file, of a shipped name, or inferred from data (a file, a folder, a hub id)."""
    path = recipe_file(target)
    if path is None:
        from ftkit.verbs import inferring

        recipe = inferring.infer(target, changes)
    else:
        from ftkit.recipe import read

        recipe = read(path, changes)
    if recipe.report.rows == "hide":
        privacy.hide(True)
    return recipe


def recipe_file(target: str) -> Path | None:
    """The recipe that the target names; None where it names data."""
    path = Path(target)
    if path.suffix.lower() in naming.RECIPE:
        return path
    if path.exists():
        if (path / "recipe.yaml").is_file():
            if folders.is_bank(path):
                hint = f"ftkit adapt DATA --update {shlex.quote(target)} adds a generation"
                raise InputError(f"{target}: is a bank, not data", hint)
            what, verb = ("a bank", "adapt") if folders.begins_bank(path) else ("a run", "train")
            repeat = f"ftkit {verb} {shlex.quote(str(path / 'recipe.yaml'))} repeats it"
            on = "" if folders.state(path) == "complete" else f"{folders.going_on(path)} goes on; "
            raise InputError(f"{target}: is {what}, not data", on + repeat)
        if folders.is_sweep(path):
            raise InputError(f"{target}: is a sweep, not data", f"ftkit train {shlex.quote(target)} --resume goes on")
        return None
    found = shipped.recipes()
    if target in found:
        return found[target]
    if target.partition("/")[0] in registry.names("tasks"):
        raise InputError(f"{target}: no shipped recipe of that name", did_you_mean(target, found))
    return None


def told(target: str, recipe: Recipe) -> str:
    """The file of which inferring a recipe has said how it was read; nothing where the target was a recipe."""
    train = recipe.data.train
    return "" if recipe_file(target) else train if isinstance(train, str) else train[0]


def sources(target: str, recipe: Recipe) -> list[str]:
    """Files that a recipe stands for: itself, and its data."""
    path = recipe_file(target)
    named = [recipe.data.train, recipe.data.test, recipe.data.validation]
    several = [value if isinstance(value, list) else [value] for value in named]
    data = [item for value in several for item in value if isinstance(item, str) and item not in ("auto", "none")]
    return [*([str(path)] if path else []), *data]


def planned(
    target: str, out: Path | None, changes: list[Change], resume: bool
) -> tuple[Path | None, Recipe, list[str]]:
    """The run that is taken up, if one is, the recipe, and the files that it stands for."""
    if resume:
        run, recipe = unfinished(target, out, changes)
        return run, recipe, sources(str(run / "recipe.yaml"), recipe)
    recipe = recipe_for(target, changes)
    return None, recipe, sources(target, recipe)


def carry_out(
    recipe: Recipe, target: str, out: Path | None, force: bool, command: str, profile: bool = False
) -> tuple[Path, dict[str, Any]]:
    """Run a recipe in a folder of its own; gives the folder and the report."""
    from ftkit import pipeline

    folders.refuse_taken(out, force)  # said before the data is read; the folder itself is made after
    stem = naming.run_stem(target, recipe)
    return pipeline.run(recipe, lambda: folders.new_run_folder(out, stem, force), command, profile)


def unfinished(target: str, out: Path | None, changes: list[Change]) -> tuple[Path, Recipe]:
    """The run that `--resume` means, and its recipe: TARGET itself, `--out`, or TARGET's newest in runs/.

    Raises InputError where there is none, or where it is complete.
    """
    from ftkit.recipe import read

    if folders.is_run(Path(target)):
        if out is not None:
            raise InputError("--out: a run is taken up where it lies", f"ftkit train {shlex.quote(target)} --resume")
        folder = _resumable(Path(target))
        return folder, read(folder / "recipe.yaml", changes)
    recipe = recipe_for(target, changes)
    if out is not None:
        return _resumable(out), recipe
    stem = naming.run_stem(target, recipe)
    mine = [path for path in folders.runs_in(folders.RUNS) if path.name.rpartition("-")[0] == stem]
    left = [path for path in mine if folders.state(path) != "complete"]
    if not left:
        raise InputError(f"no run of {target} in {folders.RUNS} was left unfinished", "name its folder with --out")
    return _resumable(left[-1]), recipe


def _resumable(folder: Path) -> Path:
    state = folders.state(folder)
    if folders.begins_bank(folder):
        raise InputError(f"{folder}: is a bank, not a run", f"ftkit adapt {shlex.quote(str(folder))} --resume")
    if state is None:
        raise InputError(f"{folder}: is not a run", "give the folder that ftkit train wrote")
    if state == "complete":
        quoted = shlex.quote(str(folder))
        raise InputError(f"{folder}: is complete, nothing is left to do", f"ftkit predict {quoted} FILE")
    if not (folder / "recipe.yaml").is_file():
        again = f"train again, with --out {shlex.quote(str(folder))} --force to put it in the same folder"
        raise InputError(f"{folder}: has no recipe.yaml, so it had not begun to train", again)
    return folder


def resume(folder: Path, recipe: Recipe, command: str, profile: bool = False) -> tuple[Path, dict[str, Any]]:
    """Take up a run where its checkpoints stand; gives the folder and the report."""
    from ftkit import pipeline

    return pipeline.run(recipe, lambda: folder, command, profile)


def train(
    target: str | Path, out: str | Path | None = None, force: bool = False, changes: Mapping[str, Any] | None = None
) -> tuple[Path, dict[str, Any]]:
    """Fine-tune once, from Python: `train("reviews.csv", changes={"task.label": "stars"})`.

    Gives the run folder and its report.
    """
    from ftkit.recipe import yaml_text

    pairs = [(key, yaml_text.text(value)) for key, value in (changes or {}).items()]
    recipe = recipe_for(str(target), pairs)
    return carry_out(recipe, str(target), None if out is None else Path(out), force, "ftkit.train()")
