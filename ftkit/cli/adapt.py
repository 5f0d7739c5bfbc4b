"""One adapter for each user, domain or device of a table, and for whom it helped."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ftkit.cli._options import Changes, Force, Target, where
from ftkit.cli._trail import Trail
from ftkit.console import console

By = Annotated[str | None, typer.Option("--by", metavar="COL", help="Column of the groups; without it, a list.")]
New = Annotated[
    str | None, typer.Option("--new-users", metavar="SHARE", help="Groups that the general adapter never sees: 20%.")
]


def command(
    target: Target,
    changes: Changes,
    trail: Trail,
    by: By = None,
    new_users: New = None,
    out: Annotated[Path | None, where("runs/<file>-bank-<n>")] = None,
    force: Force = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a bank that was not finished.")] = False,
) -> None:
    """Example: ftkit adapt ratings.csv --by user_id --label stars"""
    from ftkit.recipe import yaml_text
    from ftkit.verbs import adapting, starting

    trail.read(target)
    given = {"bank.by": by, "bank.new_groups": new_users}
    changes = [*((key, yaml_text.text(value)) for key, value in given.items() if value is not None), *changes]
    if resume:
        folder, report = adapting.resume(target, out, trail.command)
    else:
        recipe = starting.recipe_for(target, changes)
        if recipe.bank.by is None:
            from ftkit.reports import bank_text

            found = adapting.candidates(recipe)
            console.result(bank_text.candidates(found), {"columns": found})
            console.next(f"ftkit adapt {shlex.quote(target)} --by COLUMN")
            return
        trail.read(*starting.sources(target, recipe))
        folder, report = adapting.carry_out(recipe, target, out, force, trail.command)
    trail.wrote(folder)
    from ftkit.reports import bank_text

    console.result("\n".join(bank_text.summary(report)), report)
    console.say(f"page: {folder / 'bank.html'}")
    console.next(f"ftkit predict {shlex.quote(str(folder))} FILE")
    adapting.refuse_failed(folder, report)
