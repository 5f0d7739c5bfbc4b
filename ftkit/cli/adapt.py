"""One adapter for each user, domain or device of a table, and for whom it helped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ftkit.cli import _bank
from ftkit.cli._options import Changes, Force, Target, where
from ftkit.cli._trail import Trail

By = Annotated[str | None, typer.Option("--by", metavar="COL", help="Column of the groups; without it, a list.")]
New = Annotated[
    str | None, typer.Option("--new-users", metavar="SHARE", help="Groups that the general adapter never sees: 20%.")
]
General = Annotated[str | None, typer.Option("--general", metavar="RUN", help="A run, or none; with --update: new.")]
Update = Annotated[Path | None, typer.Option("--update", metavar="BANK", help="Train what has changed since.")]
Only = Annotated[str | None, typer.Option("--only", metavar="GROUP", help="With --update: train this group alone.")]


def command(
    target: Target,
    changes: Changes,
    trail: Trail,
    by: By = None,
    new_users: New = None,
    general: General = None,
    update: Update = None,
    only: Only = None,
    out: Annotated[Path | None, where("runs/<file>-bank-<n>")] = None,
    force: Force = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a bank that was not finished.")] = False,
) -> None:
    """Example: ftkit adapt ratings.csv --by user_id --label stars"""
    trail.hide(only)
    trail.read(target)
    if update is not None or only is not None:
        _bank.update(target, update, [*_bank.changes_of(by, new_users), *changes], general, only, trail)
        return
    _bank.adapt(target, [*_bank.changes_of(by, new_users, general), *changes], out, force, resume, trail)
