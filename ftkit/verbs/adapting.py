"""One adapter for each group of a table: what can part it, making a bank, and going on with one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import files
from ftkit.errors import FtkitError, InputError
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


def carry_out(recipe: Recipe, target: str, out: Path | None, force: bool, command: str) -> tuple[Path, dict[str, Any]]:
    """Make a bank in a folder of its own; gives the folder and the report."""
    from ftkit.bank import making

    files.refuse_taken(out, force)
    stem = f"{naming.run_stem(target, recipe)}-bank"
    return making.make(recipe, lambda: files.new_run_folder(out, stem, force), command)


def resume(target: str, out: Path | None, command: str) -> tuple[Path, dict[str, Any]]:
    """Go on with a bank that was not finished: TARGET itself, or `--out`."""
    from ftkit.bank import making
    from ftkit.recipe import read

    folder = out or Path(target)
    if not files.is_run(folder) or not (folder / "recipe.yaml").is_file():
        raise InputError(f"{folder}: is no bank that was begun", "give the folder that ftkit adapt wrote")
    if files.state(folder) == "complete":
        quoted = shlex.quote(str(folder))
        raise InputError(f"{folder}: is complete, nothing is left to do", f"ftkit predict {quoted} FILE")
    recipe = read(folder / "recipe.yaml")
    if recipe.bank.by is None:
        raise InputError(f"{folder}: is a run, not a bank", f"ftkit train {shlex.quote(str(folder))} --resume")
    return making.make(recipe, lambda: folder, command)


def refuse_failed(folder: Path, report: dict[str, Any]) -> None:
    """Raise FtkitError where more groups failed than the recipe allows; the bank is whole all the same."""
    failed, groups = report["outcomes"].get("failed", 0), sum(report["outcomes"].values())
    if failed > report["max_failed"] * groups:
        hint = f"ftkit bank ls {shlex.quote(str(folder))} lists them, each with its reason"
        raise FtkitError(f"{failed} of {groups} groups failed, more than bank.max_failed allows", hint)
