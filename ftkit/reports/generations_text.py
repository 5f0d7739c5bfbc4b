"""The generations of a bank on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.console import table
from ftkit.data.names import many
from ftkit.reports import bank_text, words

SHOWN = 20  # groups that are listed one by one
COUNTS = {
    "trained": "trained",
    "thin": "with too few rows, or one label, to be trained",
    "added": "of them new to the bank",
    "promoted": "use an adapter of their own for the first time",
    "replaced": "use the new one in place of the one before",
    "withdrawn": "are back with the general adapter",
    "failed": "could not be trained",
    "kept": "keep the one before: the new one is not shown to be no worse (see ftkit bank show)",
    "unchanged": "unchanged, and not touched",
    "gone": "without rows now, and served as before",
}
"""what was done in an update: how it is said"""


def update(report: Mapping[str, Any]) -> list[str]:
    """What the newest generation did; nothing for the first one."""
    counts = report["update"]
    if report["generation"] == 1:
        return []
    lines = [f"  {counts[name]:,} {said}" for name, said in COUNTS.items() if counts.get(name)]
    return [f"generation {report['generation']}" + (":" if lines else ""), *lines]


def history(found: Sequence[Mapping[str, Any]]) -> str:
    """A table of generations."""
    cells = []
    for one in found:
        did = ", ".join(f"{count:,} {name}" for name, count in one["counts"].items() if count and name != "changed")
        if one["back"] is not None:
            did = f"to {one['back']}"
        if "changed" in one["counts"]:
            did = f"{did}, {one['counts']['changed']:,} changed".strip(", ")
        mark = " (in service)" if one["in_service"] else ""
        promoted = one["outcomes"].get("promoted", 0)
        total = sum(one["outcomes"].values())
        cells.append([f"{one['generation']}{mark}", one["created"], one["what"], did, f"{promoted:,} of {total:,}"])
    return table(cells, ["generation", "created", "by", "groups", "use their own"])


def changed(what: str, found: Mapping[str, Any]) -> str:
    """Who uses something else now."""
    lines = [f"generation {found['generation']}: {what}; {many(len(found['changed']), 'group')} changed"]
    lines += [f"  {name(one)}: {one['before']} → {one['after']}" for one in found["changed"][:SHOWN]]
    left = len(found["changed"]) - SHOWN
    return "\n".join([*lines, *([f"  and {left:,} more"] if left > 0 else [])])


def removed(found: Mapping[str, Any]) -> str:
    """What was taken out of a bank, and what cannot be."""
    taken = f"removed from {many(found['shards'], 'shard')}, with {many(found['rows'], 'row')}"
    lines = [f"{taken} and {many(found['cached'], 'activation')} of the cache"]
    if found["general"]:
        seen = many(found["general"], "row")
        lines.append(f"the general adapter was trained on {seen} of the group, and cannot forget them")
    else:
        lines.append("the general adapter has not seen the group")
    return "\n".join([*lines, "an update from data that still hold the group would add it again"])


def compared(found: Mapping[str, Any]) -> list[str]:
    """Two generations: all rows together, then the groups that use something else."""
    pooled, metric = found["pooled"], words.words(found["metric"])
    lines = [
        f"{found['b']} against {found['a']}, on {many(pooled['rows'], 'row')} that were tested for both",
        f"all groups: {metric} {bank_text.difference(pooled)}{bank_text.turned(found['metric'])}: {pooled['outcome']}",
        f"  {found['unchanged']:,} unchanged, {found['added']:,} new, {found['gone']:,} not known any more",
    ]
    cells = [
        [
            str(one["group"])[:40],
            f"{one['rows']:,}",
            one["before"],
            one["after"],
            bank_text.difference(one),
            one["outcome"],
        ]
        for one in found["groups"]
    ]
    return [*lines, *([table(cells, ["group", "rows", "before", "after", metric, "outcome"])] if cells else [])]


def evaluated(found: Mapping[str, Any]) -> list[str]:
    """A bank on other rows, beside its general adapter."""
    left = f", {many(found['left_out'], 'row')} left out that it was trained on" if found["left_out"] else ""
    lines = [f"{found['bank']} on {many(found['rows'], 'row')} of {many(found['groups'], 'group')}{left}"]
    lines += [f"  {many(count, 'row')} by adapter: {used}" for used, count in sorted(found["adapters"].items())]
    for metric, score in found["scores"].items():
        pair = (score, found["general"][metric])
        both = [words.score(one["value"]) + _between(one) for one in pair]
        lines.append(f"{words.words(metric)}: {both[0]}; the general adapter alone {both[1]}")
    gained = found["difference"]
    said = f"{bank_text.difference(gained)}: {gained['outcome']}"
    return [*lines, f"gain in {words.words(gained['metric'])}: {said}"]


def _between(score: Mapping[str, Any]) -> str:
    between = words.interval(score["low"], score["high"])
    return f" ({between})" if between else ""


def name(one: Mapping[str, Any]) -> str:
    """A group as a table names it."""
    return " ".join(str(one["group"]).split())[:40]


def gate_line(gate: Mapping[str, Any]) -> str:
    """Why a requirement is not met."""
    worse = f"; worse: {', '.join(map(str, gate['failed'][:SHOWN]))}" if gate["failed"] else ""
    return f"--require {gate['require']} is not met: all groups together are {gate['pooled']}{worse}"
