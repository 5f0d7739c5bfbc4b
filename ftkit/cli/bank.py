"""Look after a bank: its groups, its bytes, its generations, one adapter, or one group's end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ftkit.cli import _bank, _tending
from ftkit.cli._trail import Trail

Action = Literal["ls", "show", "verify", "repair", "export", "history", "rollback", "promote", "rm"]


def command(
    action: Annotated[
        Action,
        typer.Argument(metavar="ACTION", help="ls, show, verify, repair, export, history, rollback, promote or rm."),
    ],
    bank: Annotated[Path, typer.Argument(metavar="BANK", help="A bank; BANK@12 is its 12th generation.")],
    trail: Trail,
    group: Annotated[str | None, typer.Argument(metavar="GROUP", help="For show, export and rm.")] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="NAME", help="For ls: promoted, general, harmed, failed, …")
    ] = None,
    to: Annotated[int | None, typer.Option("--to", min=1, metavar="N", help="For rollback: the generation.")] = None,
    only: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="For rollback: the one group that goes back.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="For export: a new folder.")] = None,
) -> None:
    """Example: ftkit bank show runs/ratings-bank-1 user_17"""
    trail.hide(group, only)
    if action in ("ls", "verify", "repair"):
        _bank.of_all(action, bank, outcome, trail)
    elif action in ("show", "export"):
        _bank.of_one(action, bank, group, out, trail)
    else:
        _tending.tend(action, bank, group, to, only, trail)
