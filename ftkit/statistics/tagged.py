"""Predictions that are a tag for each token: their columns, and the tables of a report on their spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._spans import by_type, pairs
from ftkit.metrics.token_log_loss import TokenLogLoss

MOST_CONFUSED = 20
NOTHING = "(no span)"

Tagged = Sequence[str | Sequence[str] | Sequence[float] | None]


def coded(gold: Tagged, prediction: Tagged, labels: Sequence[str]) -> Scored:
    """Tags beside tags, (rows,) objects that are tuples."""
    return Scored(tuple(labels), _tuples(gold), _tuples(prediction))


def _tuples(rows: Tagged) -> np.ndarray:
    """(rows,) objects; read back from a file, rows are arrays."""
    return np.fromiter((tuple(map(str, () if row is None else row)) for row in rows), object, len(rows))


def confidences(scores: np.ndarray, prediction: Tagged, labels: Sequence[str]) -> list[np.ndarray]:
    """The probability of each predicted tag, float32: what is kept of probabilities (tokens, labels)."""
    place = {label: number for number, label in enumerate(labels)}
    return [
        row[np.arange(len(row)), [place[str(tag)] for tag in tags or ()]].astype(np.float32)
        for row, tags in zip(scores, prediction, strict=True)
    ]


def losses(scores: np.ndarray, gold: Tagged, labels: Sequence[str]) -> np.ndarray:
    """(rows,) mean over tokens of -log of the gold tag's probability; nan where no token has a known one."""
    tags = _tuples(gold)
    return np.asarray(TokenLogLoss().rows(Scored(tuple(labels), tags, tags, scores)))


def per_type(scored: Scored) -> list[dict[str, Any]]:
    """Precision, recall and F1 of the spans of each type, None where undefined; rows are gold spans."""
    return [
        {
            "label": kind,
            "rows": gold,
            "precision": right / predicted if predicted else None,
            "recall": right / gold if gold else None,
            "f1": 2 * right / (predicted + gold) if predicted + gold else None,
        }
        for kind, (right, predicted, gold) in by_type(scored).items()
    ]


def confused(scored: Scored) -> list[dict[str, Any]]:
    """The most frequent mistakes: spans of the right borders and another type, missed ones, and ones too many."""
    counts: Counter[tuple[str, str]] = Counter()
    for gold, said in pairs(scored):
        true, guessed = ({(start, end): kind for kind, start, end in some} for some in (gold, said))
        counts.update((true.get(where, NOTHING), guessed.get(where, NOTHING)) for where in {*true, *guessed})
    wrong = [(pair, rows) for pair, rows in counts.items() if pair[0] != pair[1]]
    wrong.sort(key=lambda one: (-one[1], one[0]))
    return [{"gold": pair[0], "prediction": pair[1], "rows": rows} for pair, rows in wrong[:MOST_CONFUSED]]
