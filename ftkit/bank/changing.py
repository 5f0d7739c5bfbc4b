"""What changes a bank without training: going back to an earlier generation, and judging everybody anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ftkit import privacy, runs
from ftkit.bank import document, folder, generations, index, records
from ftkit.bank.folder import BankFolder, Generation
from ftkit.bank.records import PROMOTED, Outcome
from ftkit.errors import InputError
from ftkit.models.delivery import read_head
from ftkit.runs.folder import Clock


@dataclass(frozen=True)
class Changed:
    """A group that uses something else than before."""

    group: str
    before: str
    after: str
    """outcome, or `unknown` where the bank does not know the group"""


def state_of(whole: BankFolder) -> dict[str, Outcome]:
    """What each group uses, by its key."""
    with index.opened(whole.index, whole.generation.number) as found:
        return {one.record.key: one for one in found.all()}


def history(path: Path) -> list[dict[str, Any]]:
    """A line for each generation, the first one first."""
    whole, lines = folder.read(path), []
    for one in folder.generations(whole):
        with index.opened(whole.index, one.number) as found:
            outcomes = found.counts()
        told = {"generation": one.number, "what": one.what, "created": one.created, "counts": dict(one.counts)}
        served = one.number == whole.newest
        lines.append(told | {"back": one.back, "outcomes": outcomes, "in_service": served, "command": one.command})
    return lines


def rollback(path: Path, to: int, key: str | None, command: str) -> tuple[BankFolder, list[Changed]]:
    """Go back to an earlier generation, as a new one: of everybody, or of the group with a key."""
    with generations.alone(path):
        whole, then = folder.read(path), folder.read(path.with_name(f"{path.name}@{to}"))
        if key is not None:
            _refuse_mixed(whole, then, key)
        one = Generation(
            whole.newest + 1,
            "rollback",
            document.now(),
            then.generation.general if key is None else whole.generation.general,
            then.made_from if key is None else whole.made_from,
            then.prior if key is None else whole.prior,
            command,
            back=to,
            group=key,
            cold=then.generation.cold if key is None else whole.generation.cold,
        )
        return _changed(whole, lambda found: replace(one, counts={"changed": found}))


def promote(path: Path, command: str) -> tuple[BankFolder, list[Changed]]:
    """Estimate anew what groups gain, from all that are in the bank now, and judge each by that; as a new generation.

    Where that changes nothing at all there is no new generation.
    """
    with generations.alone(path):
        whole = folder.read(path)
        prior = records.prior_of([one.record for one in state_of(whole).values()])
        if prior == whole.prior:
            return whole, []
        one = Generation(
            whole.newest + 1,
            "promote",
            document.now(),
            whole.generation.general,
            whole.made_from,
            prior,
            command,
            cold=whole.generation.cold,
        )
        return _changed(whole, lambda found: replace(one, counts={"changed": found}))


def _changed(whole: BankFolder, make: Callable[[int], Generation]) -> tuple[BankFolder, list[Changed]]:
    """Put a generation without shards in service; who uses something else is counted in its document."""
    before = state_of(whole)
    then = generations.prepared(whole, make(0))
    after = state_of(then)
    found = [
        Changed(_named(before.get(key) or after[key]), _used(before.get(key)), _used(after.get(key)))
        for key in sorted(before | after)
        if _adapter(before.get(key)) != _adapter(after.get(key))
    ]
    one = make(len(found))
    folder.write_generation(whole.path, one)
    then = replace(then, generation=one)
    folder.write(then)
    document.save(then, Clock(), one.command)
    return then, found


def _adapter(one: Outcome | None) -> tuple[object, ...]:
    """What tells two states of a group apart that give other answers, or say something else of it."""
    return () if one is None else (one.outcome, one.record.sha256 if one.outcome == PROMOTED else "")


def _used(one: Outcome | None) -> str:
    return "unknown" if one is None else one.outcome


def _named(one: Outcome) -> str:
    return one.record.name or one.record.key[:12]


def _refuse_mixed(whole: BankFolder, then: BankFolder, key: str) -> None:
    """A single group can go back only where the general adapter beside it still fits."""
    before, now = state_of(then).get(key), state_of(whole)
    if before is None or key not in now:
        when = f"generation {then.generation.number}" if before is None else "this generation"
        raise InputError(f"{whole.path}: {when} knows no such group", f"ftkit bank history {whole.path}")
    if then.general == whole.general:
        return
    heads = [read_head(one.general / runs.ADAPTER) for one in (then, whole)]
    if before.outcome != PROMOTED or heads[0].labels != heads[1].labels or heads[0].pooling != heads[1].pooling:
        what = f"{whole.path}: the general adapter is another one since, so {privacy.shown(_named(before))} cannot go"
        raise InputError(f"{what} back alone", "leave out --group, which takes everybody back")
