"""What `ftkit adapt`, `ftkit bank` and `ftkit compare` say of banks: the ways through them, one function each."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from ftkit.cli._trail import Trail
from ftkit.console import console
from ftkit.errors import FtkitError, InputError


def changes_of(by: str | None, new_users: str | None, general: str | None = None) -> list[tuple[str, str]]:
    """The options as changes to a recipe: (dotted key, YAML)."""
    from ftkit.recipe import yaml_text

    given = {"bank.by": by, "bank.new_groups": new_users, "bank.general": general}
    return [(key, yaml_text.text(value)) for key, value in given.items() if value is not None]


def adapt(
    target: str, changes: list[tuple[str, str]], out: Path | None, force: bool, resume: bool, trail: Trail
) -> None:
    """Make a bank, or go on with one; without a column, list those that could part the table."""
    from ftkit.verbs import adapting, starting

    if resume:
        folder, report = adapting.resume(target, out, trail.command)
    else:
        recipe = starting.recipe_for(target, changes)
        if recipe.bank.by is None:
            from ftkit.privacy import hidden
            from ftkit.reports import bank_text

            found = adapting.candidates(recipe)
            console.result(bank_text.candidates(found), {"columns": found})
            column = shlex.quote(found[0]["column"]) if found and not hidden() else "COLUMN"
            console.next(f"ftkit adapt {shlex.quote(target)} --by {column}")
            return
        trail.read(*starting.sources(target, recipe))
        folder, report = adapting.carry_out(recipe, target, out, force, trail.command)
    _tell(folder, report, trail, f"ftkit predict {shlex.quote(str(folder))} FILE")


def update(
    target: str,
    bank: Path | None,
    changes: list[tuple[str, str]],
    general: str | None,
    only: str | None,
    trail: Trail,
) -> None:
    """Add a generation; without `--update` the target is the bank itself, and its rows are those of the last time."""
    from ftkit.verbs import adapting

    where, data = (Path(target), None) if bank is None else (bank, target)
    folder, report = adapting.update(data, where, changes, general, only, trail.command)
    place = shlex.quote(str(folder))
    before = report["generation"] - 1
    _tell(folder, report, trail, f"ftkit compare {place}@{before} {place}" if before else f"ftkit bank ls {place}")


def _tell(folder: Path, report: dict[str, Any], trail: Trail, following: str) -> None:
    """What a bank came to, and exit code 1 where too many groups failed."""
    from ftkit.reports import bank_text, generations_text, text
    from ftkit.verbs import adapting

    trail.wrote(folder)
    lines = [*generations_text.update(report), *bank_text.summary(report)]
    console.result("\n".join([*lines, *text.warning_lines(adapting.noticed(folder, report))]), report)
    console.say(f"page: {folder / 'bank.html'}")
    console.next(following)
    adapting.refuse_failed(folder, report)


def compare(folder: Path, trail: Trail) -> int:
    """A bank by itself: its groups against its general adapter."""
    from ftkit.reports import bank_text
    from ftkit.verbs import banking

    report = banking.compared(folder)
    trail.read(folder / "report.json")
    console.result("\n".join(bank_text.summary(report)), report)
    console.say(f"page: {banking.page(folder)}")
    console.next(f"ftkit bank ls {shlex.quote(str(folder))}")
    return 0


def of_all(action: str, bank: Path, outcome: str | None, trail: Trail) -> None:
    """List the groups, look at every byte, or make the index again."""
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
            hint = "take the shards from a backup; ftkit bank repair mends the index alone"
            raise FtkitError(f"{bank}: {len(faults)} faults", hint)
    else:
        count = banking.repair(bank)
        trail.wrote(bank / "index.sqlite")
        console.result(f"{bank}: {count:,} groups in the index", {"groups": count})
        console.next(f"ftkit bank verify {place}")


def of_one(action: str, bank: Path, group: str | None, out: Path | None, trail: Trail) -> None:
    """Show a group, or write its adapter as a folder of its own."""
    from ftkit.privacy import hidden
    from ftkit.reports import bank_text
    from ftkit.verbs import banking

    place = shlex.quote(str(bank))
    if group is None:
        raise InputError(f"bank {action}: which group?", f"ftkit bank ls {place}")
    if action == "show":
        found = banking.show(bank, group)
        console.result(bank_text.group(found), found)
        console.next(f"ftkit bank export {place} {'GROUP' if hidden() else shlex.quote(group)} --out FOLDER")
        return
    if out is None:
        raise InputError("--out: missing", f"ftkit bank export {place} GROUP --out FOLDER")
    written = banking.export(bank, group, out)
    trail.wrote(written)
    if (outcome := banking.show(bank, group)["outcome"]) != "promoted":
        console.warn(f"the bank does not use this adapter ({outcome}): the group is served by the general one")
    console.result(f"adapter: {written}", {"adapter": str(written)})
