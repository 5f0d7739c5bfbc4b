"""Rows that changed between two entries: fixed (wrong in the reference, right now) and broken (the other way round).

Of numbers all rows change a little: fixed are those that come closer to the truth, those that moved most first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ftkit import runs
from ftkit.comparison.aligning import Aligned, Side
from ftkit.comparison.pairs import Pair
from ftkit.data.tags import spans
from ftkit.metrics import Scored
from ftkit.statistics.coding import UNKNOWN
from ftkit.statistics.paired import by_row, gains

MOST = 500
"""in a document, over all pairs; the most confident mistakes of each pair first"""

Flip = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What may be shown of the rows that are compared."""

    labels: Sequence[str]
    row_ids: Sequence[str]
    slices: Mapping[str, np.ndarray]
    """column: (rows,) values"""
    texts: bool


def flips(aligned: Aligned, pairs: Sequence[Pair], shown: Shown) -> tuple[list[Flip], int]:
    """Flips of every pair, and how many are left out."""
    share = max(1, MOST // len(pairs))
    known = {side.entry.name: _Answers.of(side) for side in aligned.sides}
    chosen: list[tuple[_Answers, _Answers, np.ndarray]] = []
    total = 0
    for pair in pairs:
        a, b = known[pair.a.entry.name], known[pair.b.entry.name]
        changed = np.flatnonzero(gains(a.scored, b.scored))
        total += len(changed)
        chosen.append((a, b, _most_confident(a, b, changed, share)))
    wanted = sorted({int(row) for *_, rows in chosen for row in rows})
    texts = _texts(aligned, wanted) if shown.texts else {}
    found = [_flip(a, b, row, shown) | {"input": texts.get(row)} for a, b, rows in chosen for row in rows.tolist()]
    return found, total - len(found)


def confidence(scored: Scored) -> np.ndarray | None:
    """(rows,) how sure each prediction is; None where there are no scores."""
    if scored.scores is None:
        return None
    if scored.multi_label:  # of the least certain decision
        return np.asarray(np.maximum(scored.scores, 1 - scored.scores).min(axis=1))
    return np.asarray(scored.scores.max(axis=1))


@dataclass(frozen=True)
class _Answers:
    """What an entry said, how good that is, and how sure it was."""

    name: str
    scored: Scored
    good: np.ndarray
    """(rows,) see `paired.by_row`"""
    sure: np.ndarray | None

    @classmethod
    def of(cls, side: Side) -> _Answers:
        return cls(side.entry.name, side.scored, by_row(side.scored), confidence(side.scored))

    def by_confidence(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.sure is None else rows[np.argsort(-self.sure[rows], kind="stable")]

    def sureness(self, row: int) -> float | None:
        return None if self.sure is None else float(self.sure[row])


def _most_confident(a: _Answers, b: _Answers, changed: np.ndarray, most: int) -> np.ndarray:
    """Half of the places for each kind; what one does not need is the other's."""
    moved = changed[np.argsort(-np.abs(a.good - b.good)[changed], kind="stable")]
    fixed = b.by_confidence(moved[a.good[moved] > b.good[moved]])
    broken = a.by_confidence(moved[a.good[moved] < b.good[moved]])
    few = min(len(fixed), max(most // 2, most - len(broken)))
    return np.concatenate([fixed[:few], broken[: most - few]])


def _flip(a: _Answers, b: _Answers, row: int, shown: Shown) -> Flip:
    labels = [*shown.labels, UNKNOWN]
    return {
        "a": a.name,
        "b": b.name,
        "row_id": shown.row_ids[row],
        "input": None,
        "gold": _named(labels, a.scored.gold[row]),
        "prediction_a": _named(labels, a.scored.prediction[row]),
        "prediction_b": _named(labels, b.scored.prediction[row]),
        "confidence_a": a.sureness(row),
        "confidence_b": b.sureness(row),
        "kind": "fixed" if a.good[row] > b.good[row] else "broken",
        "slices": {column: str(values[row]) for column, values in shown.slices.items()},
    }


def _named(labels: Sequence[str], code: Any) -> str | list[str] | float | list[float]:
    """The label of a code, or labels of a row of 0 and 1; -1 is the last one, `UNKNOWN`. Numbers as they are; spans."""
    if isinstance(code, tuple):
        return [f"{kind}, {_at(start, end)}" for kind, start, end in spans(code)]
    if np.asarray(code).dtype.kind == "f":
        numbers: list[float] = np.atleast_1d(code).tolist()
        return numbers[0] if len(numbers) == 1 else numbers
    return [labels[place] for place in np.flatnonzero(code).tolist()] if np.ndim(code) else labels[int(code)]


def _at(start: int, end: int) -> str:
    return f"token {end}" if end - start == 1 else f"tokens {start + 1} to {end}"


def _texts(aligned: Aligned, wanted: Sequence[int]) -> dict[int, list[str]]:
    """Inputs of the rows, from whichever run kept them."""
    ids = aligned.rows["row_id"].take(pa.array(wanted, pa.int64()))
    missing = dict(zip(ids.to_pylist(), wanted, strict=True))
    texts: dict[int, list[str]] = {}
    for path in dict.fromkeys(side.entry.run.path / runs.ROWS for side in aligned.sides):
        if not missing or not path.is_file():
            continue
        try:
            table = pq.read_table(path, columns=["row_id", "input"])
        except (pa.ArrowException, OSError):
            continue  # the comparison stands without texts
        mine = table.filter(pc.is_in(table["row_id"], pa.array(list(missing), table["row_id"].type)))
        for row_id, text in zip(mine["row_id"].to_pylist(), mine["input"].to_pylist(), strict=True):
            if row_id in missing:
                texts[missing.pop(row_id)] = text
    return texts
