"""One adapter for each group of a table: what can part it, making a bank, and going on with one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import bank, folders
from ftkit.errors import FtkitError, InputError
from ftkit.recipe.paths import GENERAL
from ftkit.verbs import naming

if TYPE_CHECKING:
    from ftkit.recipe import Recipe


def candidates(recipe: Recipe) -> list[dict[str, Any]]:
    """Columns of the training table that could part it into groups, with how many groups each would give."""
    from ftkit.data import columns, groups
    from ftkit.data.read import read

    train = recipe.data.train
    table = read(train if isinstance(train, str) else train[0], recipe.data)
    taken = [column for some in columns.wanted(recipe).values() for column in some]
    found = groups.candidates(table.frame, taken, recipe.bank.min_rows)
    return [vars(one) for one in found]


def check(recipe: Recipe) -> None:
    """Raise InputError where a recipe with a `bank` block cannot become a bank."""
    if recipe.bank.by is None:
        return
    from ftkit.bank import making

    making.checked(recipe)


def carry_out(recipe: Recipe, target: str, out: Path | None, force: bool, command: str) -> tuple[Path, dict[str, Any]]:
    """Make a bank in a folder of its own; gives the folder and the report."""
    from ftkit.bank import making

    folders.refuse_taken(out, force)
    stem = f"{naming.run_stem(target, recipe)}-bank"
    return making.make(recipe, lambda: folders.new_run_folder(out, stem, force), command)


def noticed(folder: Path, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Findings on the rows of a new bank, by the general run that was trained on them; none of any other bank."""
    from ftkit.recipe import read

    if report["generation"] > 1 or read(folder / "recipe.yaml").bank.general not in GENERAL:
        return []
    told = json.loads((folder / bank.GENERAL / "report.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = told["data"]["findings"]
    return found


def update(
    target: str | None,
    path: Path,
    changes: Sequence[tuple[str, str]],
    general: str | None,
    only: str | None,
    command: str,
) -> tuple[Path, dict[str, Any]]:
    """Add a generation to a bank from the rows of today; without a target, from those of the last time.

    Raises InputError for changes to what a bank keeps for good.
    """
    from ftkit.bank import folder, updating
    from ftkit.recipe import read, yaml_text

    if general not in (None, "new"):
        raise InputError(f"--general {general}: with --update it is new, or left out", "--general new")
    if wrong := [key for key, _ in changes if not key.startswith(CHANGEABLE)]:
        raise InputError(f"{wrong[0]}: an update keeps the bank's recipe", "ftkit adapt DATA --by COLUMN, for another")
    whole = folder.read(path)
    told = [] if target is None else [("data.train", yaml_text.text(_rows_of(target)))]
    recipe = read(whole.path / "recipe.yaml", [*told, *changes])
    if general == "new" and recipe.bank.general not in ("train", "none"):
        recipe = recipe.replace({"bank.general": "train"})
    return updating.update(whole.path, updating.Asked(recipe, general == "new", only), command if only is None else "")


CHANGEABLE = ("data.", "bank.margin", "bank.max_failed")
"""recipe keys that an update may change: how its rows are read, and when it gives up"""


def _rows_of(target: str) -> Any:
    """The training rows that a recipe names, or the data themselves."""
    from ftkit.recipe import read
    from ftkit.verbs.starting import recipe_file

    path = recipe_file(target)
    return target if path is None else read(path).data.train


def resume(target: str, out: Path | None, command: str) -> tuple[Path, dict[str, Any]]:
    """Go on with a bank that was not finished, or with its update: TARGET itself, or `--out`."""
    from ftkit.bank import making, updating
    from ftkit.recipe import read

    folder = out or Path(target)
    if folder.name == bank.UPDATE and folders.is_bank(folder.parent):
        folder = folder.parent
    if folders.is_bank(folder) and (asked := updating.left(folder)) is not None:
        return updating.update(folder, asked, command)
    if not folders.is_run(folder) or not (folder / "recipe.yaml").is_file():
        raise InputError(f"{folder}: is no bank that was begun", "give the folder that ftkit adapt wrote")
    if folders.state(folder) == "complete":
        quoted = shlex.quote(str(folder))
        raise InputError(f"{folder}: is complete, nothing is left to do", f"ftkit predict {quoted} FILE")
    recipe = read(folder / "recipe.yaml")
    if recipe.bank.by is None:
        raise InputError(f"{folder}: is a run, not a bank", f"ftkit train {shlex.quote(str(folder))} --resume")
    return making.make(recipe, lambda: folder, command)


def refuse_failed(folder: Path, report: dict[str, Any]) -> None:
    """Raise FtkitError where more groups failed than the recipe allows; the bank is whole all the same."""
    groups = sum(report["outcomes"].values())
    failed = max(report["outcomes"].get("failed", 0), report["update"].get("failed", 0))
    if failed > report["max_failed"] * groups:
        hint = f"ftkit bank ls {shlex.quote(str(folder))} lists them, each with its reason"
        raise FtkitError(f"{failed} of {groups} groups failed, more than bank.max_failed allows", hint)
