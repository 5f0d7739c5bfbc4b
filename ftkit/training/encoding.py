"""Rows as the base takes them, before anything is trained: what it cannot read, and what it already knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ftkit.console import console
from ftkit.data import coverage
from ftkit.data.table import Finding, Part, Splits
from ftkit.errors import InputError
from ftkit.features.examples import hash_rows
from ftkit.privacy import shown
from ftkit.runs.trained import seen_by
from ftkit.tasks import Encoded

if TYPE_CHECKING:
    from ftkit.models.assembly import Assembly
    from ftkit.recipe import Recipe


@dataclass(frozen=True)
class Prepared:
    """Splits without test rows that the base was trained on, the encoded rows, and what was noticed."""

    splits: Splits
    encoded: Encoded
    hashes: list[str]
    """`input_hash` of each row"""
    findings: tuple[Finding, ...]

    def describe(self, position: int) -> str:
        """A row as a message names it: where it stands, and how it begins unless rows are hidden."""
        row = self.splits.rows.frame.iloc[position]
        return f"{row['source']}:{row['line']} {shown(' '.join(row['input']))}".strip()


def encode(recipe: Recipe, splits: Splits, model: Assembly) -> Prepared:
    """Encode all rows and say aloud what the base does not know of them.

    Raises InputError where the base, an earlier run, was trained on every test row.
    """
    rows = splits.rows.frame
    encoded = recipe.task.encode(rows["input"].to_list(), model.processor)
    hashes = hash_rows(encoded.rows)
    findings = coverage.findings(recipe, rows["input"].to_list(), encoded)
    if model.base.run is not None:
        seen = seen_by(model.base.run, rows["row_id"].to_list(), hashes)
        splits, known = _without(splits, seen, model.base.name)
        findings = (*findings, *known)
    for finding in findings:
        console.warn(f"{finding.what}; {finding.hint}" if finding.hint else finding.what)
    return Prepared(splits, encoded, hashes, findings)


def _without(splits: Splits, seen: np.ndarray, base: str) -> tuple[Splits, tuple[Finding, ...]]:
    """Rows that the base was trained on are neither tested nor chosen on; training may use them again."""
    parts = tuple(_part_without(part, seen) for part in splits.parts)
    before, after = (sum(len(part.test) for part in some) for some in (splits.parts, parts))
    if before and not after:
        raise InputError(
            f"{base}: was trained on all {before} test rows", "give other rows with --test, or another base"
        )
    if before == after:
        return splits, ()
    what = f"{before - after} of {before} test rows are not scored: the base was trained on them"
    return replace(splits, parts=parts), (Finding("warning", "rows of the base", what),)


def _part_without(part: Part, seen: np.ndarray) -> Part:
    inner = tuple((train, held[~seen[held]]) for train, held in part.inner)
    kept = tuple((train, held) for train, held in inner if len(held))
    return replace(part, test=part.test[~seen[part.test]], inner=kept)
