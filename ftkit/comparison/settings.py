"""What the recipes say of runs whose test rows differ, and of what else a reader should know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftkit.comparison.entries import Entry
from ftkit.data.names import many
from ftkit.errors import InputError
from ftkit.recipe import yaml_text

SPLITTING = ("data.split_seed", "data.folds", "data.test", "data.train", "data.split", "data.unit", "data.group")
"""keys that decide which rows a run is tested on"""
NAMING = ("data.unit", "data.group")
"""keys whose values are part of a row's id"""

DIFFERENT_GOLD = "their labels differ between the runs"
MOST_RELABELLED = 0.05
"""share of the rows that may have another label in another run before a reader is warned"""

Finding = dict[str, str]


class NothingCommon(InputError):
    """The runs share too few test rows to be compared on them."""


def why_none(entries: Sequence[Entry], left: int, left_out: Mapping[str, int]) -> NothingCommon:
    """The error where too few rows are left to compare."""
    what = "there is no row that all runs were tested on" if not left else "only 1 row is left to compare"
    lost = "; ".join(f"{many(rows, 'row')}: {why}" for why, rows in left_out.items() if rows)
    key = next(_differing(entries, (*NAMING, *SPLITTING)), None)
    hint = "compare runs with the same test rows, such as those of one data.test"
    if key is not None:
        hint = f"{_told(entries, key)}: train them with the same"
    return NothingCommon(f"{what} ({lost})" if lost else what, hint)


def findings(entries: Sequence[Entry], left_out: Mapping[str, int], kept: int, folds_differ: bool) -> Iterator[Finding]:
    """Differences between the runs that bear on the comparison; `left_out` are rows by reason."""
    key = next(_differing(entries, SPLITTING), None)
    relabelled = left_out.get(DIFFERENT_GOLD, 0)
    if relabelled > MOST_RELABELLED * (kept + relabelled):
        yield warning(f"{many(relabelled, 'row')} had another label in another run: were they labelled by one scheme?")
    if key is not None and sum(left_out.values()) > relabelled:
        what = f"the runs were not tested on the same rows: {_told(entries, key)}"
        yield warning(f"{what}; runs that share it share their test rows")
    if folds_differ:
        why = "" if key is None else f": {_told(entries, key)}"
        yield note(f"some runs were not predicted in the same folds, so they are not compared fold by fold{why}")
    primary = {entry.run.report["primary"] for entry in entries}
    if len(primary) > 1:
        yield warning(f"the runs were trained by different primary metrics: {', '.join(sorted(primary))}")


def warning(text: str) -> Finding:
    """A finding that bears on the verdict."""
    return {"level": "warning", "text": text}


def note(text: str) -> Finding:
    """A finding that is good to know."""
    return {"level": "info", "text": text}


def _differing(entries: Sequence[Entry], keys: Sequence[str]) -> Iterator[str]:
    return (key for key in keys if len({repr(entry.run.setting(key)) for entry in entries}) > 1)


def _told(entries: Sequence[Entry], key: str) -> str:
    """`data.split_seed is 0 for a, 3 for b`, of the first two that differ."""
    first = entries[0]
    other = next(entry for entry in entries if entry.run.setting(key) != first.run.setting(key))
    values = (f"{_spelled(entry.run.setting(key))} for {entry.name}" for entry in (first, other))
    return f"{key} is {', '.join(values)}"


def _spelled(value: Any) -> str:
    return "not set" if value is None else yaml_text.text(value)
