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
from ftkit.features import tokens
from ftkit.files import replacing
from ftkit.runs.frames import columns

if TYPE_CHECKING:
    from ftkit.bank.adapting import Adapted
    from ftkit.bank.grouping import Group
    from ftkit.privacy import Mask

NEVER = -1
"""fold of a row that is never tested: its scores are 0, or of no token, and nobody reads them"""
SCORES = ("general", "own")


@dataclass(frozen=True, eq=False)
class Kept:
    """Rows of some groups, (rows,) everywhere."""

    frame: pd.DataFrame
    """key of the group, row_id, input_hash, content, unit, group, gold, fold, and the slices"""
    general: np.ndarray
    """(rows, labels) probabilities, or numbers, by the general adapter that has not seen them; of tags, (rows,) objects
    (tokens, labels)"""
    own: np.ndarray
    """the same by the group's; the general one's where it has none"""

    def take(self, rows: np.ndarray) -> Kept:
        """Some of the rows."""
        return Kept(self.frame.iloc[rows].reset_index(drop=True), self.general[rows], self.own[rows])

    def used(self, own: np.ndarray) -> np.ndarray:
        """What is said of each row where `own`, (rows,), says whether its group's adapter is asked."""
        chosen: np.ndarray = np.where(own.reshape(-1, *[1] * (self.own.ndim - 1)), self.own, self.general)
        return chosen

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
        seen = np.concatenate([getattr(one, name) for one in found])
        scores.append(_filled(seen, len(place), np.float64 if exact else np.float32))
    return Kept(pd.DataFrame({name: pd.Series(one, dtype=object) for name, one in table.items()}), *scores)


def _filled(seen: np.ndarray, count: int, kind: type) -> np.ndarray:
    """What is said of the first rows, as a kind of number, with nothing behind it for the others of `count`."""
    if not tokens.is_ragged(seen):
        return np.concatenate([seen, np.zeros((count - len(seen), seen.shape[1]))]).astype(kind)
    nothing = np.zeros((0, seen[0].shape[1]))
    rows = [*seen, *[nothing] * (count - len(seen))]
    return tokens.ragged((row.astype(kind) for row in rows), count)


def write(path: Path, kept: Kept) -> None:
    """Write rows, whole or not at all. Names hold anything, so they are kept as JSON, which spells it in ASCII."""
    frame = kept.frame
    arrays = {name: pa.array([json.dumps(cell) for cell in frame[name]], pa.string()) for name in frame.columns}
    arrays |= {name: _packed(getattr(kept, name)) for name in SCORES}
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
        return Kept(pd.DataFrame(frame), *(_unpacked(table[name].combine_chunks()) for name in SCORES))
    except (OSError, pa.ArrowException, KeyError, ValueError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"{path}: cannot be read ({reason})", "take it from a backup, or make the bank again"
        ) from None


def _packed(scores: np.ndarray) -> pa.Array:
    """A column of lists of equal length; of tags, of lists of them, one for each token."""
    if not tokens.is_ragged(scores):
        return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(scores).reshape(-1)), scores.shape[1])
    flat, lengths = tokens.flat(scores)
    each = pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), max(1, flat.shape[1]))
    return pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(lengths)), pa.int32()), each)


def _unpacked(column: pa.Array) -> np.ndarray:
    """The opposite of `_packed`."""
    if isinstance(column, pa.ListArray):
        return tokens.split(_unpacked(column.flatten()), np.diff(column.offsets.to_numpy()))
    found: np.ndarray = column.flatten().to_numpy().reshape(-1, column.type.list_size)
    return found


def _cell(text: str) -> Any:
    """Several labels are a tuple everywhere."""
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value
