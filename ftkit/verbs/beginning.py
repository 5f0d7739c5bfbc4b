"""New recipes for people to edit: from a shipped one, from data, or with the example data beside it."""

from __future__ import annotations

import os
import re
import shlex
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
RUN_LINE = re.compile(r"^# Run it with:.*$", re.MULTILINE)


def begin(
    target: str | None, changes: list[starting.Change], out: Path | None, example: bool, force: bool
) -> list[Path]:
    """Write a recipe, or the example; gives the files that were written, the recipe first."""
    if example:
        return _shipped(EXAMPLE_RECIPE, (out or Path(target or ".")) / EXAMPLE, changes, force)
    if target is None:
        raise InputError(
            "what should the recipe start from?", "ftkit list recipes, ftkit new FILE or ftkit new --example"
        )
    path, source = out or NAME, starting.recipe_file(target)
    if source is not None and source == shipped.recipes().get(target):
        return _shipped(target, path, changes, force)
    _must_be_free([path], force)
    recipe = starting.recipe_for(target, changes)
    purpose = shipped.summary(source) if source else f"Begun from {os.path.basename(os.path.normpath(target))}."
    _write(recipe, path, f"{purpose}\n{_how(path)}")
    return [path]


def _shipped(name: str, path: Path, changes: list[starting.Change], force: bool) -> list[Path]:
    """A shipped recipe with its comments, and beside it the data that it reads, unless that lies there already."""
    from ftkit.recipe import read

    source, recipe = shipped.recipes()[name], starting.recipe_for(name, changes)
    original = Path(str(read(source).data.train))
    data = path.parent / original.name
    within = original.is_file() and original.parent == Path(os.path.abspath(shipped.root() / "data"))
    ours = within and recipe.data.train == str(original)
    missing = [data] if ours and not (data.is_file() and data.read_bytes() == original.read_bytes()) else []
    _must_be_free([path, *missing], force)
    text = source.read_text(encoding="utf-8").replace(os.path.relpath(original, source.parent), original.name)
    text = RUN_LINE.sub(lambda _: "# " + _how(path).replace("\n", "\n# "), text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.os_error(error, f"writing {path}") from error
    for one in missing:
        files.write_text(one, original.read_text(encoding="utf-8"))
    if changes:
        header = "\n".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
        _write(recipe.replace({"data.train": os.path.abspath(data)}) if ours else recipe, path, header)
    else:
        files.write_text(path, text)
    return [path, *missing]


def _how(path: Path) -> str:
    return f"Run it with: ftkit train {shlex.quote(str(path))}\nEvery key is listed by: ftkit list --schema"


def _must_be_free(paths: list[Path], force: bool) -> None:
    taken = [path for path in paths if path.exists()]
    if taken and not force:
        raise InputError(f"{taken[0]}: already exists", "--force, or another --out")


def _write(recipe: Recipe, path: Path, header: str) -> None:
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
