"""What happens to a bank over time: its generations, going back, judging anew, and taking a group out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ftkit import folders, privacy
from ftkit.errors import InputError


def history(path: Path) -> list[dict[str, Any]]:
    """A line for each generation."""
    from ftkit.bank import changing

    return changing.history(path)


def rollback(path: Path, to: int, group: str | None, command: str) -> dict[str, Any]:
    """Go back to generation `to`, of everybody or of one group; what a group uses then is exactly what it used."""
    from ftkit.bank import changing

    _refuse_old(path)
    key = None if group is None else _key(path, group)
    whole, changed = changing.rollback(path, to, key, "" if key is not None else command)
    return {"generation": whole.newest, "to": to, "changed": [asdict(one) for one in changed]}


def promote(path: Path, command: str) -> dict[str, Any]:
    """Estimate the prior anew and judge every group by it; gives who uses something else now."""
    from ftkit.bank import changing

    _refuse_old(path)
    whole, changed = changing.promote(path, command)
    return {"generation": whole.newest, "changed": [asdict(one) for one in changed]}


def remove(path: Path, group: str) -> dict[str, Any]:
    """Take a group out of every generation, file and cache; gives what was taken out, and what cannot be."""
    from ftkit.bank import removing

    _refuse_old(path)
    return asdict(removing.remove(path, _key(path, group)))


def compare(a: Path, b: Path, margin: float | None, require: str | None) -> dict[str, Any]:
    """Generation B against generation A of one bank."""
    from ftkit.bank import comparing, folder

    if margin is not None and not 0 <= margin < float("inf"):
        raise InputError(f"--margin {margin:g}: is no size of a difference", "such as --margin 0.01")
    one, other = folder.read(a), folder.read(b)
    privacy.hide(one.row_key is not None)
    return comparing.compare(one, other, margin, require)


def evaluate(path: Path, file: str, changes: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A bank on labelled rows that it was not trained on, beside its general adapter."""
    from ftkit.bank import evaluating
    from ftkit.verbs.reading import reread

    return evaluating.evaluate(path, file, lambda recipe: reread(recipe, changes))


def _key(path: Path, group: str) -> str:
    from ftkit.bank import folder
    from ftkit.bank.grouping import key_of
    from ftkit.verbs.banking import mask_of_bank

    return key_of(group, mask_of_bank(folder.read(path)))


def _refuse_old(path: Path) -> None:
    """Only a bank as it is can be changed."""
    bank, generation = folders.at_generation(path)
    if generation is not None:
        raise InputError(f"{path}: is an earlier generation, which stays as it is", f"give {bank}")
