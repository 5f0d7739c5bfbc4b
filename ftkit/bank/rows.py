"""What was said out of fold of the rows of a stack, kept beside its shard: reports and later generations rest on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ftkit.errors import InputError
from ftkit.files import replacing
from ftkit.runs.frames import columns

if TYPE_CHECKING:
    from ftkit.bank.adapting import Adapted
    from ftkit.bank.grouping import Group
    from ftkit.privacy import Mask

NEVER = -1
"""fold of a row that is never tested: its scores are 0, and nobody reads them"""
SCORES = ("general", "own")


@dataclass(frozen=True, eq=False)
class Kept:
    """Rows of some groups, (rows,) everywhere."""

    frame: pd.DataFrame
    """key of the group, row_id, input_hash, content, unit, group, gold, fold, and the slices"""
    general: np.ndarray
    """(rows, labels) probabilities, or numbers, by the general adapter that has not seen them"""
    own: np.ndarray
    """the same by the group's; the general one's where it has none"""

    def take(self, rows: np.ndarray) -> Kept:
        """Some of the rows."""
        return Kept(self.frame.iloc[rows].reset_index(drop=True), self.general[rows], self.own[rows])

    def of(self, key: str) -> Kept:
        """The rows of one group."""
        return self.take(np.flatnonzero((self.frame["key"] == key).to_numpy()))


def path_of(folder: Path, number: int) -> Path:
    """Where the rows of a shard lie."""
    return folder / f"{number:06}.parquet"


def of_stack(
    stack: Sequence[Group],
    found: Sequence[Adapted],
    frame: pd.DataFrame,
    hashes: Sequence[str],
    fold: np.ndarray,
    mask: Mask,
    exact: bool = False,
) -> Kept:
    """The rows of a stack's groups: those that were tested, and those that were only trained on.

    `frame`, `hashes` (`input_hash`) and `fold` are of all rows. What is said of them is kept in float32, and `exact` in
    float64, as numbers in the units of their targets need it.
    """
    tested = np.concatenate([one.rows for one in found])
    only = [np.setdiff1d(group.rows, one.rows) for group, one in zip(stack, found, strict=True)]
    place = np.concatenate([tested, *only])
    lengths = [*(len(one.rows) for one in found), *map(len, only)]
    some = frame.iloc[place]
    said = columns(some, [hashes[i] for i in place], mask)
    table: dict[str, list[Any]] = {
        "key": np.repeat([one.record.key for one in found] * 2, lengths).tolist(),
        "content": [mask.digest(one) for one in some["content"]],
        "fold": np.where(np.arange(len(place)) < len(tested), fold[place], NEVER).tolist(),
    }
    table |= {name: list(said[name]) for name in ("row_id", "input_hash", "unit", "group", "gold")}
    table |= {f"slice.{name}": list(values) for name, values in said["slices"].items()}
    scores = []
    for name in SCORES:
        seen = np.concatenate([getattr(one, name) for one in found]).astype(np.float64 if exact else np.float32)
        scores.append(np.concatenate([seen, np.zeros((len(place) - len(tested), seen.shape[1]), seen.dtype)]))
    return Kept(pd.DataFrame({name: pd.Series(one, dtype=object) for name, one in table.items()}), *scores)


def write(path: Path, kept: Kept) -> None:
    """Write rows, whole or not at all. Names hold anything, so they are kept as JSON, which spells it in ASCII."""
    frame = kept.frame
    arrays = {name: pa.array([json.dumps(cell) for cell in frame[name]], pa.string()) for name in frame.columns}
    for name in SCORES:
        scores = np.ascontiguousarray(getattr(kept, name))
        arrays[name] = pa.FixedSizeListArray.from_arrays(pa.array(scores.reshape(-1)), scores.shape[1])
    with replacing(path) as temporary:
        pq.write_table(pa.table(arrays), temporary)


def read(paths: Sequence[Path]) -> Kept:
    """The rows of some shards; InputError where a file is missing or damaged."""
    return joined([_read(path) for path in paths])


def joined(found: Sequence[Kept]) -> Kept:
    """Rows of several shards, one after the other."""
    frame = pd.concat([one.frame for one in found], ignore_index=True)
    return Kept(frame, *(np.concatenate([getattr(one, name) for one in found]) for name in SCORES))


def _read(path: Path) -> Kept:
    try:
        table = pq.read_table(path)
        frame = {
            name: pd.Series([_cell(cell) for cell in table[name].to_pylist()], dtype=object)
            for name in table.column_names
            if name not in SCORES
        }
        width = table.schema.field(SCORES[0]).type.list_size
        scores = (table[name].combine_chunks().flatten().to_numpy().reshape(-1, width) for name in SCORES)
        return Kept(pd.DataFrame(frame), *scores)
    except (OSError, pa.ArrowException, KeyError, ValueError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"{path}: cannot be read ({reason})", "take it from a backup, or make the bank again"
        ) from None


def _cell(text: str) -> Any:
    """Several labels are a tuple everywhere."""
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value
