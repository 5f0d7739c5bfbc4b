"""Look after a bank: its groups, one of them, its bytes, its index, or an adapter as a folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from ftkit.cli._trail import Trail
from ftkit.console import console
from ftkit.errors import FtkitError, InputError

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
    from ftkit.reports import bank_text
    from ftkit.verbs import banking

    place = shlex.quote(str(bank))
    if action == "ls":
        lines = banking.listing(bank, outcome)
        console.result(bank_text.groups(lines), {"groups": lines})
        console.next(f"ftkit bank show {place} GROUP")
    elif action == "verify":
        faults = banking.verify(bank)
        console.result("\n".join(faults) or f"{bank}: every byte is as it was written", {"faults": faults})
        if faults:
            raise FtkitError(
                f"{bank}: {len(faults)} faults", "take the shards from a backup; repair mends the index alone"
            )
    elif action == "repair":
        count = banking.repair(bank)
        trail.wrote(bank / "index.sqlite")
        console.result(f"{bank}: {count:,} groups in the index", {"groups": count})
        console.next(f"ftkit bank verify {place}")
    elif group is None:
        raise InputError(f"bank {action}: which group?", f"ftkit bank ls {place}")
    elif action == "show":
        found = banking.show(bank, group)
        console.result(bank_text.group(found), found)
        console.next(f"ftkit bank export {place} GROUP --out FOLDER")
    else:
        if out is None:
            raise InputError("--out: missing", f"ftkit bank export {place} GROUP --out FOLDER")
        written = banking.export(bank, group, out)
        trail.wrote(written)
        console.result(f"adapter: {written}", {"adapter": str(written)})
