"""Answers as metrics take them: labels as their places in the order of labels, numbers as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ftkit.errors import InputError
from ftkit.metrics import Scored
from ftkit.privacy import shown
from ftkit.statistics import filmed, tagged

UNKNOWN = "(not in training)"
"""stands for every gold label that training lacked"""

Answers = Sequence[str | Sequence[str] | Sequence[float] | None]


def coded(table: pa.Table, stored: Sequence[str], kind: str, labels: Sequence[str]) -> Scored:
    """Labelled rows of one predictor and seed as they stand in the table, coded in the order of `labels`.

    `stored` are the same labels in the order of the table's scores. Raises InputError where the
    scores have another number of columns, or a prediction is no label.
    """
    if kind == "tags":
        return tagged.coded(table["gold"].to_pylist(), table["prediction"].to_pylist(), labels)
    if kind == "values":
        order = [list(stored).index(label) for label in labels]
        found = numbers(table["gold"].to_pylist(), table["prediction"].to_pylist(), labels)
        return Scored(found.labels, found.gold[:, order], found.prediction[:, order])
    scores = _dense(table["scores"].combine_chunks(), len(stored))
    if scores is not None and tuple(stored) != tuple(labels):
        scores = scores[:, [list(stored).index(label) for label in labels]]
    gold, prediction = table["gold"].combine_chunks(), table["prediction"].combine_chunks()
    if kind != "label":
        return coded_cells(gold.to_pylist(), prediction.to_pylist(), scores, labels, kind)
    known = pa.array(labels, gold.type)
    answers = pc.index_in(prediction, value_set=known)
    if answers.null_count:
        _place(prediction.filter(pc.is_null(answers))[0].as_py(), {})
    true = pc.index_in(gold, value_set=known).fill_null(-1)
    footage = None
    if filmed.SECONDS in table.column_names:
        frame = table.select([filmed.SECONDS, filmed.QUIET, "unit"]).to_pandas()
        footage = filmed.footage(frame, units_of(frame))
    said = answers.to_numpy().astype(np.int64)
    return Scored(tuple(labels), true.to_numpy().astype(np.int64), said, scores, footage)


def _dense(scores: pa.ListArray, labels: int) -> np.ndarray | None:
    """(rows, labels) float32, or None where no row has scores."""
    lengths = np.unique(scores.value_lengths().fill_null(0).to_numpy())
    if set(lengths.tolist()) - {0, labels} or len(lengths) > 1:
        raise InputError(f"scores do not fit the {labels} labels", "train the run again")
    if not len(lengths) or lengths[0] == 0:
        return None
    return np.asarray(scores.flatten().to_numpy()).reshape(-1, labels)


def units_of(frame: pd.DataFrame) -> np.ndarray | None:
    """Units as whole numbers from 0, or None where no row has one."""
    units = frame["unit"]
    if units.isna().all():
        return None
    known = pd.factorize(units)[0]
    alone = known < 0
    known[alone] = known.max() + 1 + np.arange(alone.sum())
    return np.asarray(known)


def coded_cells(
    gold: Answers, prediction: Answers, scores: np.ndarray | None, labels: Sequence[str], kind: str
) -> Scored:
    """Answers as they stand in cells, coded in the order of `labels`; `scores` are in that order already."""
    if kind == "values":
        return numbers(gold, prediction, labels)
    place = {label: index for index, label in enumerate(labels)}
    if kind == "label":
        true = np.array([place.get(str(value), -1) for value in gold], dtype=np.int64)
        if gold is prediction:  # only the gold labels matter, for a loss
            return Scored(tuple(labels), true, true, scores)
        return Scored(tuple(labels), true, np.array([_place(value, place) for value in prediction], np.int64), scores)
    more = any(label not in place for value in gold for label in _many(value))
    true, predicted = (np.zeros((len(gold), len(labels) + more), dtype=np.int64) for _ in range(2))
    for row, (values, guesses) in enumerate(zip(gold, prediction, strict=True)):
        true[row, [place.get(label, len(labels)) for label in _many(values)]] = 1
        if gold is not prediction:
            predicted[row, [_place(label, place) for label in _many(guesses)]] = 1
    if more and scores is not None:
        scores = np.column_stack([scores, np.zeros(len(scores), scores.dtype)])
    return Scored((*labels, UNKNOWN) if more else tuple(labels), true, predicted, scores)


def numbers(gold: Any, prediction: Any, labels: Sequence[str]) -> Scored:
    """Numbers as metrics take them; a single target's cells are plain numbers."""
    try:
        true, guess = (
            np.array([np.atleast_1d(cell) for cell in cells], dtype=np.float64).reshape(len(cells), len(labels))
            for cells in (gold, prediction)
        )
    except (ValueError, TypeError):
        message = f"the numbers do not fit the {len(labels)} targets"
        raise InputError(message, "train the run again") from None
    return Scored(tuple(labels), true, guess)


def _many(value: object) -> Sequence[str]:
    return () if value is None else [str(label) for label in value]  # type: ignore[attr-defined]


def _place(label: object, place: Mapping[str, int]) -> int:
    if str(label) not in place:
        raise InputError(f"the prediction {shown(label)} is no label of the run", "train the run again")
    return place[str(label)]
