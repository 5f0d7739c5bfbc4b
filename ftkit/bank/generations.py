"""Generations of a bank: what each group uses in each of them follows from their documents and the shards alone.

A generation is whole once the bank's document names it as the newest. Until then what belongs to it lies beside the
others (shards with higher numbers, later lines of the index), and nobody who reads the bank sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from ftkit import bank, files, locks
from ftkit.bank import folder, index, records, rows, shards
from ftkit.bank.folder import BankFolder, Generation
from ftkit.bank.records import ABSENT, CANNOT_TELL, PROMOTED, WORSE, Beside, Outcome, Record
from ftkit.bank.shards import Shard
from ftkit.data.names import many
from ftkit.privacy import hidden
from ftkit.statistics.paired import MEETS

State = dict[str, Outcome]
"""what each group uses, by its key"""


def alone(path: Path) -> AbstractContextManager[None]:
    """One process at a time that changes a bank."""
    return locks.alone(path, path / bank.LOCK, "changing", 0o600 if hidden() else 0o666)


def prepared(whole: BankFolder, one: Generation) -> BankFolder:
    """The bank with one more generation, which is whole but not in service before `folder.write` says so."""
    folder.write_generation(whole.path, one)
    then = replace(whole, newest=one.number, generation=one)
    known: Mapping[int, tuple[str, str]] = {}
    if whole.index.is_file():
        with index.opened(whole.index) as found:
            known = {number: sums for number, sums in found.shards().items() if number not in one.shards}
    write_index(then, known)
    return then


def write_index(whole: BankFolder, known: Mapping[int, tuple[str, str]]) -> int:
    """Make the index again from documents and shards; returns the groups in it.

    `known` are checksums, of adapters and rows by number of the shard, of files that need not be read again.
    """
    past = folder.generations(whole)
    numbers = sorted({number for one in past for number in one.shards})
    there = {number: shards.read(shards.path_of(whole.shards, number)) for number in numbers}
    lines = replay(past, there)
    index.write(whole.index, lines, {number: known.get(number) or sums(whole, number) for number in numbers})
    return len({one.record.key for one in lines})


def sums(whole: BankFolder, number: int) -> tuple[str, str]:
    """sha256 of a shard's adapters and of its rows."""
    places = shards.path_of(whole.shards, number), rows.path_of(whole.rows, number)
    return files.sha256(places[0]), files.sha256(places[1])


def next_shard(past: Sequence[Generation]) -> int:
    """The number from which on shards belong to no generation yet."""
    return max((number + 1 for one in past for number in one.shards), default=0)


def replay(past: Sequence[Generation], there: Mapping[int, Shard]) -> list[Outcome]:
    """A line for every group and every generation in which something changed for it."""
    states: dict[int, State] = {0: {}}
    lines = list[Outcome]()
    for one in past:
        before = states[one.number - 1]
        changed = {key: new for key, new in _next(one, states, there).items() if _differ(before.get(key), new)}
        changed = {key: replace(new, since=one.number) for key, new in changed.items()}
        lines += changed.values()
        states[one.number] = before | changed
    return lines


def _differ(before: Outcome | None, new: Outcome) -> bool:
    return before is None or replace(new, since=before.since) != before


def _next(one: Generation, states: Mapping[int, State], there: Mapping[int, Shard]) -> State:
    """What may have changed from one generation to the next."""
    before = states[one.number - 1]
    if one.back is not None:
        return _back(one, before, states[one.back])
    if one.what == "promote":
        known = {key: old for key, old in before.items() if old.outcome != ABSENT}
        fresh = records.outcomes([(old.shard, old.record) for old in known.values()], one.prior)
        return {
            new.record.key: replace(new, tried=known[new.record.key].tried, kept=known[new.record.key].kept)
            for new in fresh
        }
    return settled_in(one, before, [(number, record) for number in one.shards for record in there[number].records])


def settled_in(one: Generation, before: Mapping[str, Outcome], trained: Sequence[tuple[int, Record]]) -> State:
    """What each group uses that was trained for a generation; `trained` are (shard, record)."""
    fresh = records.outcomes(trained, one.prior)
    beside = records.beside([record for _, record in trained], one.change)
    return {key: settled(before.get(key), new, one.gated, beside.get(key)) for new in fresh for key in [new.record.key]}


def _back(one: Generation, before: State, then: State) -> State:
    """As it was: a group that came later is unknown again. What was last tried stays, so that it is not tried again."""
    keys = before if one.group is None else [one.group]
    return {
        key: replace(then[key], tried=before[key].tried, kept="")
        if key in then
        else replace(before[key], outcome=ABSENT, kept="")
        for key in keys
        if key in before
    }


def settled(before: Outcome | None, new: Outcome, gated: bool = True, beside: Beside | None = None) -> Outcome:
    """What a group uses after it was trained again.

    Its new adapter is used where it is promoted, and no worse than the one in service on rows that neither has seen:
    by its own rows, or where these do not say that it is worse, by what the groups retrained beside it say as well.
    A group that is no longer promoted goes back to the general adapter where its own rows say that this is no worse.
    """
    tried = new.record.data
    new = replace(new, tried=tried)
    if before is None or before.outcome != PROMOTED or not gated:
        return new
    if new.record.place is None:
        return replace(before, tried=tried, kept=new.record.why_not)
    verdict, own = verdict_of(new.record, new.outcome), new.outcome == PROMOTED
    together = own and verdict != WORSE and beside is not None and beside.safe
    if verdict in MEETS["not-worse"] or together:
        return new
    return replace(before, tried=tried, kept=_said(new, verdict, beside if own else None))


def _said(new: Outcome, verdict: str, beside: Beside | None) -> str:
    """Why a new adapter is not in service, and how far it is from being shown to be no worse."""
    if verdict != CANNOT_TELL:
        return verdict
    said = f"{verdict} on {many(new.record.unseen, 'row')} that neither has seen"
    if new.outcome == PROMOTED and new.record.needed is not None:
        said += f"; some {new.record.needed:,} like them would show it no worse"
    if beside is not None:
        said += f"; {beside.why}"
    return said


def verdict_of(record: Record, outcome: str) -> str:
    """Against what was in service: of the group's own adapter, or of the general one where that would be used."""
    return record.verdict if outcome == PROMOTED else record.without
