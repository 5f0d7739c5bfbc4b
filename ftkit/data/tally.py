"""Rows that cannot be used: how many, why, and where the first of them are."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from ftkit.data.names import many
from ftkit.data.table import Finding, Parsed, Table
from ftkit.errors import Fault, Faults
from ftkit.privacy import shown

PLACES = 3
"""that are named for each reason"""
MENDED = "such a tag begins a span of its own; if that is wrong, say how tags are written with --set task.scheme=bio"


class Tally:
    """Counts bad rows of each split by reason."""

    def __init__(self) -> None:
        self.rows_read = 0
        self._read: Counter[str] = Counter()
        self._bad: dict[str, Counter[str]] = defaultdict(Counter)
        self._noted: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._mended: Counter[str] = Counter()
        self._places: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._sources: dict[str, list[str]] = defaultdict(list)

    def add(self, split: str, table: Table, parsed: Parsed) -> None:
        """Count the rows of a table: those that reading refused, and those with a fault; and what was put right."""
        self._noted.update(parsed.notes)
        self._mended.update(parsed.mended)
        rows = len(table.frame) + len(table.bad)
        self.rows_read += rows
        self._read[split] += rows
        self._sources[split].append(table.source)
        names = parsed.names
        wrong = [
            (table.source, int(table.lines[i]), fault, f" {shown(names[i])}" if names else "")
            for i, fault in enumerate(parsed.faults)
            if fault is not None
        ]
        wrong += [(bad.source, bad.line, bad.reason, "") for bad in table.bad]
        for source, line, reason, name in sorted(wrong):
            self._bad[split][reason] += 1
            self._note(split, reason, f"{source}:{line}{name}")

    def leave_out(self, reason: str, frame: pd.DataFrame) -> None:
        """Count good rows that are left out because the recipe says so."""
        self._left_out[reason] += len(frame)
        for source, line in zip(frame["source"].head(PLACES), frame["line"].head(PLACES), strict=True):
            self._note("train", reason, f"{source}:{line}")

    def _note(self, split: str, reason: str, place: str) -> None:
        if len(self._places[split, reason]) < PLACES:
            self._places[split, reason].append(place)

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> rows of all splits, the commonest first."""
        return dict(sum(self._bad.values(), Counter(self._left_out)).most_common())

    @property
    def examples(self) -> dict[str, tuple[str, ...]]:
        """Reason -> first places."""
        found: dict[str, list[str]] = {reason: [] for reason in self.reasons}
        for (_, reason), places in self._places.items():
            found[reason] += places
        return {reason: tuple(places[:PLACES]) for reason, places in found.items()}

    def findings(self) -> list[Finding]:
        """One finding for each reason, and for each thing that was done to rows."""
        examples = self.examples
        noted = [Finding("note", "changed rows", f"{many(n, 'row')}: {what}") for what, n in self._noted.items()]
        mended = [
            Finding("warning", "mended tags", f"{many(count, 'tag')} put right: {why}", MENDED)
            for why, count in self._mended.most_common()
        ]
        return (
            noted
            + mended
            + [
                Finding(
                    "warning",
                    "dropped rows",
                    f"{many(count, 'row')} left out: {why}",
                    f"see {', '.join(examples[why])}",
                )
                for why, count in self.reasons.items()
            ]
        )

    def spelled(self, split: str) -> str:
        """Reasons with counts and first places, for a message: "no label 30 (train.csv:4, …)"."""
        return ", ".join(
            f"{reason} {count:,} ({', '.join(self._places[split, reason])}{', …' if count > PLACES else ''})"
            for reason, count in self._bad[split].most_common()
        )

    def refuse(self, max_bad: float) -> None:
        """Stop where a larger share of a split's rows is bad; a large file does not hide a small one."""
        faults = []
        for split, reasons in self._bad.items():
            share = reasons.total() / max(1, self._read[split])
            if share > max_bad:
                what = (
                    f"{reasons.total():,} of {many(self._read[split], 'row')} cannot be used "
                    f"({share:.1%}; data.max_bad is {max_bad:.1%}): {self.spelled(split)}"
                )
                enough = min(1.0, math.ceil(share * 1000) / 1000)
                hint = f"mend them, or go on without them: --set data.max_bad={np.format_float_positional(enough)}"
                faults.append(Fault(", ".join(self._sources[split]), what, hint))
        if faults:
            raise Faults(faults)
