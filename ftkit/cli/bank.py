"""Look after a bank: its groups, one of them, its bytes, its index, or an adapter as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ftkit.cli import _bank
from ftkit.cli._trail import Trail

Action = Literal["ls", "show", "verify", "repair", "export"]


def command(
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="ls, show, verify, repair or export.")],
    bank: Annotated[Path, typer.Argument(metavar="BANK", help="The folder that ftkit adapt wrote.")],
    trail: Trail,
    group: Annotated[str | None, typer.Argument(metavar="GROUP", help="For show and export.")] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="NAME", help="For ls: promoted, general, harmed, failed, …")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="For export: a new folder.")] = None,
) -> None:
    """Example: ftkit bank show runs/ratings-bank-1 user_17"""
    if action in ("ls", "verify", "repair"):
        _bank.of_all(action, bank, outcome, trail)
    else:
        _bank.of_one(action, bank, group, out, trail)
