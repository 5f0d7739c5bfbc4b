"""From what was typed to a recipe, and from a recipe to a run: the doors of `train`, `check` and `new`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import files, privacy, registry
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
            raise InputError(
                f"{target}: is a run, not data", f"ftkit train {shlex.quote(str(path / 'recipe.yaml'))} repeats it"
            )
        if files.is_run(path):
            again = f"train again from its data, with --out {shlex.quote(target)} --force to put it in the same folder"
            raise InputError(f"{target}: is a run that was not finished, not data", again)
        return None
    found = shipped.recipes()
    if target in found:
        return found[target]
    if target.partition("/")[0] in registry.names("tasks"):
        raise InputError(f"{target}: no shipped recipe of that name", did_you_mean(target, found))
    return None


def sources(target: str, recipe: Recipe) -> list[str]:
    """Files that a recipe stands for: itself, and its data."""
    path = recipe_file(target)
    named = [recipe.data.train, recipe.data.test, recipe.data.validation]
    several = [value if isinstance(value, list) else [value] for value in named]
    data = [item for value in several for item in value if isinstance(item, str) and item != "auto"]
    return [*([str(path)] if path else []), *data]


def carry_out(recipe: Recipe, target: str, out: Path | None, force: bool, command: str) -> tuple[Path, dict[str, Any]]:
    """Run a recipe in a folder of its own; gives the folder and the report."""
    from ftkit import pipeline

    files.refuse_taken(out, force)  # said before the data is read; the folder itself is made after
    stem = naming.run_stem(target, recipe)
    return pipeline.run(recipe, lambda: files.new_run_folder(out, stem, force), command)


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
