"""What stands between measured numbers and the encoder: their order, their scale, and what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.bases import own
from ftkit.data.guess_vector import LOUD, QUIET
from ftkit.data.measured import Measured
from ftkit.errors import InputError

if TYPE_CHECKING:
    import torch

    from ftkit.bases import Base

KEY = "table"
"""where `config.json` holds names and scale: they travel with the weights, to every run on top of them"""
NOISE, SPAN = -100.0, 32.0
"""dBm: about the weakest signal that is heard, so that one not heard is next to it; of a unit of input"""
MOST = 8.0
"""units of input beyond which a number is cut off: one slip is not to drown all others"""

Row = dict[str, np.ndarray]


@dataclass(frozen=True)
class Processor:
    """Which numbers a base takes, and how it is shown them."""

    kind: str
    """columns | set"""
    columns: tuple[str, ...]
    """of a set, the names that training rows had"""
    offset: tuple[float, ...]
    """of each column, or one for all"""
    scale: tuple[float, ...]
    buckets: int

    @classmethod
    def of(cls, base: Base) -> Processor:
        """Raises InputError for a base that is no encoder of numbers."""
        config = base.config()
        if config.get("model_type") != own.VECTOR or KEY not in config:
            what = f"{base.name}: a {config.get('model_type')} takes no plain numbers"
            raise InputError(what, "leave out --base, or give a run of this task")
        table = config[KEY]
        columns, offset, scale = (tuple(table[name]) for name in ("columns", "offset", "scale"))
        return cls(config["kind"], columns, offset, scale, config["buckets"])

    @cached_property
    def place(self) -> dict[str, int]:
        """Name → number of its column."""
        return {name: i for i, name in enumerate(self.columns)}

    def encode(self, items: Sequence[Measured]) -> tuple[list[Row], int, int]:
        """Rows for the model; how many numbers have a name that training lacked; and how many there are."""
        if self.kind == "set":
            heard = [_heard(one) for one in items]
            known = sum(name in self.place for one in heard for name in one.names)
            total = sum(len(one.names) for one in heard)
            return [self._pairs(one) for one in heard], total - known, total
        values, total = np.full((len(items), len(self.columns)), np.nan, dtype=np.float32), 0
        for names, mine in _by_names(items).items():
            both = [(i, self.place[name]) for i, name in enumerate(names) if name in self.place]
            have, put = (np.array(some, dtype=np.int64) for some in (zip(*both, strict=True) if both else ((), ())))
            block = np.stack([items[i].values for i in mine])
            total += int(np.isfinite(block).sum())
            values[np.array(mine)[:, None], put] = block[:, have]
        there = np.isfinite(values)
        values = np.where(there, self._scaled(values), np.float32(0))
        flags = there.astype(np.float32)
        rows = [{"values": one, "heard": flag} for one, flag in zip(values, flags, strict=True)]
        return rows, total - int(there.sum()), total

    def _pairs(self, item: Measured) -> Row:
        order = sorted(range(len(item.names)), key=lambda i: item.names[i])
        names = np.array([codes(item.names[i], self.buckets) for i in order], dtype=np.int64).reshape(-1, 2)
        return {"values": self._scaled(item.values[order]), "names": names}

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        offset, scale = (np.array(one, dtype=np.float32) for one in (self.offset, self.scale))
        return np.asarray(np.clip((values - offset) / scale, -MOST, MOST), dtype=np.float32)

    def batch(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """Rows as the model's forward names them; of sets, shorter ones are filled up with what is not heard."""
        import torch

        if self.kind != "set":
            return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in ("values", "heard")}
        longest = max(len(row["values"]) for row in rows)
        values, heard = (np.zeros((len(rows), longest), dtype=np.float32) for _ in range(2))
        names = np.zeros((len(rows), longest, 2), dtype=np.int64)
        for i, row in enumerate(rows):
            size = len(row["values"])
            values[i, :size], heard[i, :size], names[i, :size] = row["values"], 1.0, row["names"]
        return {name: torch.from_numpy(one) for name, one in (("values", values), ("heard", heard), ("names", names))}

    def dense(self, rows: Sequence[Row], known: np.ndarray) -> np.ndarray:
        """(rows, numbers) with 0 for what is missing; of sets, a column for each name that the `known` rows have."""
        if self.kind != "set":
            return np.stack([row["values"] for row in rows])
        place: dict[tuple[int, ...], int] = {}
        for i in known:
            for code in rows[i]["names"].tolist():
                place.setdefault(tuple(code), len(place))
        out = np.zeros((len(rows), len(place)), dtype=np.float32)
        for row, line in zip(rows, out, strict=True):
            for code, value in zip(row["names"].tolist(), row["values"], strict=True):
                if tuple(code) in place:
                    line[place[tuple(code)]] = value
        return out


@lru_cache(maxsize=100_000)
def codes(name: str, buckets: int) -> tuple[int, int]:
    """The two codes that a name is known by."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % buckets, int.from_bytes(digest[8:16], "big") % buckets


def table_for(items: Sequence[Measured], kind: str) -> dict[str, Any]:
    """Names and scale for random weights: of strengths the same for all, of other numbers one for each column.

    Both are rounded to powers of two, so that they tell nothing of single rows: some may be held out later.
    """
    names = sorted({name for row in map(_heard, items) for name in row.names}) if kind == "set" else _in_order(items)
    values = np.concatenate([one.values[np.isfinite(one.values)] for one in items])
    if bool((values >= QUIET).all() and (values <= LOUD).all()):
        return {"columns": names, "offset": [NOISE], "scale": [SPAN]}
    if kind == "set":
        offset, scale = _rounded(values[:, None])
    else:
        place = {name: i for i, name in enumerate(names)}
        block = np.full((len(items), len(names)), np.nan)
        for line, one in zip(block, items, strict=True):
            line[[place[name] for name in one.names]] = one.values
        offset, scale = _rounded(block)
    return {"columns": names, "offset": offset, "scale": scale}


def _rounded(block: np.ndarray) -> tuple[list[float], list[float]]:
    """Offset and scale of each column, by the numbers that are there."""
    there = np.isfinite(block)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, block, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(there, (block - mean) ** 2, 0.0).sum(axis=0) / count)
    scale = 2.0 ** np.round(np.log2(np.where(spread > 1e-9, spread, 1.0)))
    return (np.round(mean / scale) * scale).tolist(), scale.tolist()


def _heard(item: Measured) -> Measured:
    """The same without names of which nothing was measured."""
    there = np.flatnonzero(np.isfinite(item.values))
    if len(there) == len(item.names):
        return item
    return Measured(str(item), tuple(item.names[i] for i in there), item.values[there])


def _in_order(items: Sequence[Measured]) -> list[str]:
    found: dict[str, None] = {}
    for names in _by_names(items):
        found |= dict.fromkeys(names)
    return list(found)


def _by_names(items: Sequence[Measured]) -> dict[tuple[str, ...], list[int]]:
    """Positions of items that share their names; of a table of columns that is one tuple for all."""
    alike: dict[int, list[int]] = {}
    for i, one in enumerate(items):
        alike.setdefault(id(one.names), []).append(i)
    found: dict[tuple[str, ...], list[int]] = {}
    for mine in alike.values():
        found.setdefault(items[mine[0]].names, []).extend(mine)
    return found
