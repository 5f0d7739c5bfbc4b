"""New recipes for people to edit: from a shipped one, from data, or with the example data beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import files
from ftkit.errors import InputError
from ftkit.recipe import shipped
from ftkit.verbs import starting

if TYPE_CHECKING:
    from ftkit.recipe import Recipe

NAME = Path("recipe.yaml")
EXAMPLE = Path("support.yaml")
EXAMPLE_RECIPE = "text_classification/lora"


def begin(
    target: str | None, changes: list[starting.Change], out: Path | None, example: bool, force: bool
) -> list[Path]:
    """Write a recipe, or the example; gives the files that were written, the recipe first."""
    if example:
        return _example(out or Path(target or "."), changes, force)
    if target is None:
        raise InputError(
            "what should the recipe start from?", "ftkit list recipes, ftkit new FILE or ftkit new --example"
        )
    path = out or NAME
    _must_be_free([path], force)
    recipe = starting.recipe_for(target, changes)
    source = starting.recipe_file(target)
    purpose = shipped.summary(source) if source else f"Begun from {os.path.basename(os.path.normpath(target))}."
    _write(recipe, path, purpose)
    return [path]


def _example(folder: Path, changes: list[starting.Change], force: bool) -> list[Path]:
    """The shipped messages and a recipe for them, in a folder of the user's own."""
    data, path = folder / shipped.EXAMPLE, folder / EXAMPLE
    _must_be_free([path, data], force)
    recipe = starting.recipe_for(EXAMPLE_RECIPE, changes).replace({"data.train": os.path.abspath(data)})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = shipped.example_data().read_text(encoding="utf-8")
    except OSError as error:
        raise files.os_error(error, f"writing the example to {folder}") from error
    files.write_text(data, content)
    _write(recipe, path, "Which of 8 matters a support message is about, from about 400 examples.")
    return [path, data]


def _must_be_free(paths: list[Path], force: bool) -> None:
    taken = [path for path in paths if path.exists()]
    if taken and not force:
        raise InputError(f"{taken[0]}: already exists", "--force, or another --out")


def _write(recipe: Recipe, path: Path, purpose: str) -> None:
    header = f"{purpose}\nRun it with: ftkit train {path}\nEvery key is listed by: ftkit list --schema"
    folder = Path(os.path.abspath(path)).parent
    files.write_text(path, recipe.replace(_near(recipe.dump(), folder)).to_yaml(header, brief=True))


def _near(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths below the recipe's folder, relative to it, so that the folder can be moved as a whole."""

    def shorten(value: Any) -> Any:
        if isinstance(value, list):
            return [shorten(item) for item in value]
        if not isinstance(value, str) or not os.path.isabs(value) or not Path(value).is_relative_to(folder):
            return value
        return f"./{Path(value).relative_to(folder)}"

    return {f"data.{key}": shorten(tree["data"][key]) for key in ("train", "test", "validation")} | {
        "base": shorten(tree["base"])
    }
