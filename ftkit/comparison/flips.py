"""Rows that changed between two entries: fixed (wrong in the reference, right now) and broken (the other way round)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ftkit import runs
from ftkit.comparison.aligning import Aligned, Side
from ftkit.comparison.pairs import Pair
from ftkit.metrics import Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.statistics.predictions import UNKNOWN

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
    right = {id(side): Accuracy().rows(side.scored) > 0 for side in aligned.sides}
    chosen: list[tuple[Pair, np.ndarray]] = []
    total = 0
    for pair in pairs:
        changed = np.flatnonzero(right[id(pair.a)] != right[id(pair.b)])
        total += len(changed)
        chosen.append((pair, _most_confident(pair, changed, right[id(pair.a)], share)))
    wanted = sorted({int(row) for _, rows in chosen for row in rows})
    texts = _texts(aligned, wanted) if shown.texts else {}
    found = [
        _flip(pair, int(row), shown, bool(right[id(pair.a)][row])) | {"input": texts.get(int(row))}
        for pair, rows in chosen
        for row in rows
    ]
    return found, total - len(found)


def confidence(scored: Scored) -> np.ndarray | None:
    """(rows,) how sure each prediction is; None where there are no scores."""
    if scored.scores is None:
        return None
    if scored.multi_label:  # of the least certain decision
        return np.asarray(np.maximum(scored.scores, 1 - scored.scores).min(axis=1))
    return np.asarray(scored.scores.max(axis=1))


def _most_confident(pair: Pair, changed: np.ndarray, right: np.ndarray, most: int) -> np.ndarray:
    """Half of the places for each kind; what one does not need is the other's."""
    fixed, broken = (_by_confidence(side, changed[right[changed] == kind]) for side, kind in _wrong(pair))
    few = min(len(fixed), max(most // 2, most - len(broken)))
    return np.concatenate([fixed[:few], broken[: most - few]])


def _wrong(pair: Pair) -> Iterable[tuple[Side, bool]]:
    """Who is wrong on fixed rows, which are right in A, and who on broken ones."""
    return ((pair.b, True), (pair.a, False))


def _by_confidence(side: Side, rows: np.ndarray) -> np.ndarray:
    sure = confidence(side.scored)
    return rows if sure is None else rows[np.argsort(-sure[rows], kind="stable")]


def _flip(pair: Pair, row: int, shown: Shown, fixed: bool) -> Flip:
    a, b, labels = pair.a.scored, pair.b.scored, [*shown.labels, UNKNOWN]
    sure = [found if found is None else float(found[row]) for found in (confidence(a), confidence(b))]
    return {
        "a": pair.a.entry.name,
        "b": pair.b.entry.name,
        "row_id": shown.row_ids[row],
        "input": None,
        "gold": _named(labels, a.gold[row]),
        "prediction_a": _named(labels, a.prediction[row]),
        "prediction_b": _named(labels, b.prediction[row]),
        "confidence_a": sure[0],
        "confidence_b": sure[1],
        "kind": "fixed" if fixed else "broken",
        "slices": {column: str(values[row]) for column, values in shown.slices.items()},
    }


def _named(labels: Sequence[str], code: Any) -> str | list[str]:
    """The label of a code, or labels of a row of 0 and 1; -1 is the last one, `UNKNOWN`."""
    return [labels[place] for place in np.flatnonzero(code).tolist()] if np.ndim(code) else labels[int(code)]


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
