"""Two generations of a bank, group by group and together, on rows that were tested out of fold for both."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftkit.bank.changing import state_of
from ftkit.bank.folder import BankFolder
from ftkit.bank.measuring import Measure
from ftkit.bank.records import PROMOTED, Outcome
from ftkit.bank.told import Told, told_by
from ftkit.errors import InputError
from ftkit.metrics import Scored
from ftkit.statistics import paired
from ftkit.statistics.paired import MEETS, Comparison


def compare(a: BankFolder, b: BankFolder, margin: float | None, require: str | None) -> dict[str, Any]:
    """B against A as a document: per group that uses something else, and pooled over all of the rows.

    `require` adds a `gate`: what is said of all rows must meet it, and no group may be worse.
    """
    if a.path.resolve() != b.path.resolve():
        raise InputError(f"{b.path}: is another bank than {a.path}", "compare two generations of one: BANK@1 BANK@2")
    before, after = told_by(a), told_by(b)
    if before.labels != after.labels:
        raise InputError(f"{b.path}: has other labels since its general adapter was trained anew", "ftkit compare BANK")
    states, measure = (state_of(a), state_of(b)), after.measure
    key, first, second = _aligned(before, after, states)
    groups = _groups(key, first, second, measure, margin, states)
    codes = np.unique(key, return_inverse=True)[1]
    pooled = measure.compare(second, first, codes, margin)
    found = {
        "kind": "ftkit comparison of generations",
        "a": f"{a.path}@{a.generation.number}",
        "b": f"{b.path}@{b.generation.number}",
        "metric": measure.metric.name,
        "pooled": _told(pooled),
        "groups": groups,
        "unchanged": len(states[0].keys() & states[1].keys()) - len(groups),
        "added": len(states[1].keys() - states[0].keys()),
        "gone": len(states[0].keys() - states[1].keys()),
    }
    return found | {"gate": None if require is None else _gate(found, require)}


def _gate(found: dict[str, Any], require: str) -> dict[str, Any]:
    failed = [one["group"] for one in found["groups"] if one["outcome"] == "worse"]
    pooled = found["pooled"]["outcome"]
    return {"require": require, "met": pooled in MEETS[require] and not failed, "pooled": pooled, "failed": failed}


def _aligned(
    before: Told, after: Told, states: tuple[dict[str, Outcome], dict[str, Outcome]]
) -> tuple[np.ndarray, Scored, Scored]:
    """Keys of the groups of rows that both know, and what each generation said of them."""
    place = {row: i for i, row in enumerate(before.kept.frame["row_id"])}
    ids = after.kept.frame["row_id"].tolist()
    there = np.array([i for i, row in enumerate(ids) if row in place], dtype=np.int64)
    if not len(there):
        raise InputError("the two generations share no row that was tested", "ftkit compare BANK shows one by itself")
    here = np.array([place[ids[i]] for i in there], dtype=np.int64)
    targets = after.targets[there]
    first = after.measure.scored(targets, _used(before, states[0])[here])
    second = after.measure.scored(targets, _used(after, states[1])[there])
    return after.kept.frame["key"].to_numpy()[there], first, second


def _used(told: Told, state: dict[str, Outcome]) -> np.ndarray:
    """What the adapter that each row's group uses says of it."""
    return told.kept.used(np.array([state[key].outcome == PROMOTED for key in told.kept.frame["key"]], dtype=bool))


def _groups(
    key: np.ndarray,
    first: Scored,
    second: Scored,
    measure: Measure,
    margin: float | None,
    states: tuple[dict[str, Outcome], dict[str, Outcome]],
) -> list[dict[str, Any]]:
    """A line for each group that uses something else than before, corrected as one family."""
    changed = [one for one in sorted(states[1]) if one in states[0] and _other(states[0][one], states[1][one])]
    known = [one for one in changed if (key == one).any()]
    found = []
    for one in known:
        rows = np.flatnonzero(key == one)
        found.append(measure.compare(second.take(rows), first.take(rows), None, margin, family=len(known)))
    family = dict(zip(known, paired.holm_family(found), strict=True))
    return [
        {"group": _named(states[1][one]), "before": states[0][one].outcome, "after": states[1][one].outcome}
        | (_told(family[one]) if one in family else NOTHING)
        for one in changed
    ]


def _other(one: Outcome, other: Outcome) -> bool:
    """Whether a group uses another adapter."""
    return (one.outcome == PROMOTED) != (other.outcome == PROMOTED) or (
        one.outcome == PROMOTED and one.record.sha256 != other.record.sha256
    )


def _named(one: Outcome) -> str:
    return one.record.name or one.record.key[:12]


NOTHING = {"value": None, "low": None, "high": None, "p_value": None, "outcome": "cannot tell", "rows": 0}


def _told(found: Comparison) -> dict[str, Any]:
    numbers = {"value": found.difference, "low": found.low, "high": found.high, "p_value": found.corrected}
    return numbers | {"outcome": found.outcome, "rows": found.rows}
