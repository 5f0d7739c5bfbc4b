"""What `ftkit bank` and `ftkit compare` say of a bank's generations: the ways through them, one function each."""

from __future__ import annotations

import shlex
from pathlib import Path

from ftkit.cli._trail import Trail
from ftkit.console import console
from ftkit.errors import GateError, InputError


def tend(action: str, bank: Path, group: str | None, to: int | None, only: str | None, trail: Trail) -> None:
    """List the generations, go back to one, judge all groups anew, or take one out."""
    place = shlex.quote(str(bank))
    if action == "history":
        _history(bank, place)
    elif action == "rollback":
        if to is None:
            raise InputError("--to: missing, the generation to go back to", f"ftkit bank history {place}")
        _rollback(bank, place, to, only, trail)
    elif action == "promote":
        _promote(bank, place, trail)
    else:
        if group is None:
            raise InputError("bank rm: which group?", f"ftkit bank ls {place}")
        _remove(bank, place, group, trail)


def _history(bank: Path, place: str) -> None:
    from ftkit.reports import generations_text
    from ftkit.verbs import tending

    found = tending.history(bank)
    console.result(generations_text.history(found), {"generations": found})
    console.next(f"ftkit bank rollback {place} --to N")


def _rollback(bank: Path, place: str, to: int, only: str | None, trail: Trail) -> None:
    from ftkit.reports import generations_text
    from ftkit.verbs import tending

    found = tending.rollback(bank, to, only, trail.command)
    trail.wrote(bank / "bank.json")
    console.result(generations_text.changed(f"back to generation {to}", found), found)
    console.next(f"ftkit compare {place}@{found['generation'] - 1} {place}")


def _promote(bank: Path, place: str, trail: Trail) -> None:
    from ftkit.reports import generations_text
    from ftkit.verbs import tending

    found = tending.promote(bank, trail.command)
    trail.wrote(bank / "bank.json")
    console.result(generations_text.changed("judged anew by what all groups gain now", found), found)
    console.next(f"ftkit bank ls {place}")


def _remove(bank: Path, place: str, group: str, trail: Trail) -> None:
    from ftkit.reports import generations_text
    from ftkit.verbs import tending

    found = tending.remove(bank, group)
    trail.wrote(bank / "bank.json")
    console.result(generations_text.removed(found), found)
    if found["general"]:
        console.next(f"ftkit adapt DATA --update {place} --general new, with DATA without the group")
    else:
        console.next(f"ftkit bank verify {place}")


def compare(a: str, b: str, margin: float | None, require: str | None, trail: Trail) -> int:
    """Two generations of a bank."""
    from ftkit.reports import generations_text
    from ftkit.verbs import tending

    found = tending.compare(Path(a), Path(b), margin, require)
    trail.read(Path(a), Path(b))
    console.result("\n".join(generations_text.compared(found)), found)
    if found["gate"] is not None and not found["gate"]["met"]:
        console.error(generations_text.gate_line(found["gate"]))
        return GateError.code
    console.next(f"ftkit bank history {shlex.quote(a.partition('@')[0])}")
    return 0


def evaluate(bank: Path, file: str, changes: list[tuple[str, str]], trail: Trail) -> None:
    """A bank on other rows."""
    from ftkit.reports import generations_text
    from ftkit.verbs import tending

    trail.read(bank / "bank.json", file)
    found = tending.evaluate(bank, file, changes)
    console.result("\n".join(generations_text.evaluated(found)), found)
    console.next(f"ftkit predict {shlex.quote(str(bank))} FILE")
