"""A loss, a gradient or a score that is not a finite number: which rows it comes from, and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ftkit.errors import FtkitError
from ftkit.features import tokens

if TYPE_CHECKING:
    from ftkit.features.examples import Examples
    from ftkit.training.members import Member
    from ftkit.training.passes import Job

NAMED = 3  # rows that a message names; the others are counted


class NotFinite(FtkitError):
    """Training cannot go on. The weights are those from before the step at fault, and nothing of it is kept."""


def bad_step(job: Job, one: Member, what: str, rows: np.ndarray, losses: np.ndarray) -> NotFinite:
    """The error for a step: `rows` of its batch with their own `losses`."""
    where = f"{one.name}: {what} at step {one.step + 1} (epoch {one.epoch + 1})"
    guilty = rows[~np.isfinite(losses)]
    if 0 < len(guilty) < len(rows):
        return NotFinite(
            f"{where}, from {_named(job, guilty)} of {len(rows)}", _hint(job, one, "look at these rows, or ")
        )
    # all rows alike, or none alone: it is the weights that have run away
    return NotFinite(f"{where}, with {_named(job, rows)}", _hint(job, one, ""))


def bad_scores(job: Job, one: Member, positions: np.ndarray, logits: np.ndarray) -> NotFinite | None:
    """The error for predictions (positions, labels); None where all are finite."""
    guilty = positions[~_finite(logits)]
    if not len(guilty):
        return None
    where = f"{one.name}: after step {one.step} there is no score for {_named(job, guilty)} of {len(positions)}"
    return NotFinite(where, _hint(job, one, "look at these rows, or " if len(guilty) < len(positions) else ""))


def _finite(logits: np.ndarray) -> np.ndarray:
    """(rows,) bool; minus infinity is what tokens have that the base is not shown."""
    if tokens.is_ragged(logits):
        return np.array([not (np.isnan(row) | (row == np.inf)).any() for row in logits], dtype=bool)
    return np.asarray(np.isfinite(logits).all(axis=1))


def _named(job: Job, rows: np.ndarray) -> str:
    """`2 rows: train.csv:3 'first text', train.csv:9 'second text' (its input is not finite)`."""
    names = [job.describe(int(i)) + _why(job.examples, int(i)) for i in rows[:NAMED]]
    count = f"{len(rows)} rows" if len(rows) > 1 else "1 row"
    return f"{count} ({', '.join(names)}{', …' if len(rows) > NAMED else ''})"


def _why(examples: Examples, row: int) -> str:
    numbers = [array for array in examples.rows[row].values() if np.issubdtype(array.dtype, np.floating)]
    return "" if all(np.isfinite(array).all() for array in numbers) else ", whose input holds nan or infinity"


def _hint(job: Job, one: Member, first: str) -> str:
    slower = f"{first}try a smaller learning rate, such as --set train.lr={one.settings.lr / 10:g}"
    return slower + (", or --set train.precision=fp32" if job.precision == "bf16" else "")
