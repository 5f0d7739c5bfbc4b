"""What the labels of rows say to a bank, by kind of target: which rows can be trained on, and what a group carries.

The kinds are those of `Task.targets`: labels (rows,), several labels and numbers (rows, …), and tags (rows, tokens).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ftkit.data.tags import OUTSIDE, types_of
from ftkit.features.scale import are_numbers

UNKNOWN = -1
"""target of a label, or of a token's tag, that the general adapter does not know"""


def labelled(targets: np.ndarray) -> np.ndarray:
    """(rows,) whether a row can be trained on: it carries a label, or a tag, that is known, or it is of numbers."""
    if _are_tags(targets):
        return np.asarray((targets >= 0).any(axis=1))
    return np.ones(len(targets), dtype=bool) if targets.ndim > 1 else np.asarray(targets >= 0)


def unknown(targets: np.ndarray) -> int:
    """Rows that carry a label which the general adapter does not know; of several labels it only takes what it does."""
    if _are_tags(targets):
        return int((targets == UNKNOWN).any(axis=1).sum())
    return int((targets == UNKNOWN).sum()) if targets.ndim == 1 else 0


def several(targets: np.ndarray) -> bool:
    """Whether not all rows carry the same; of tags, whether not all tokens do."""
    if _are_tags(targets):
        return len(np.unique(targets[targets >= 0])) > 1
    return len(np.unique(targets, axis=0)) > 1


def own_labels(targets: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """(labels,) whether any of these rows carries the label; every row carries all of the numbers to predict.

    Of tags, what rows carry are types of spans, as for a whole run: a type brings its begin and its inside, so that
    whoever is given no other tags can still be given whole spans of any length. Outside is everybody's.
    """
    if are_numbers(targets):
        return np.ones(len(labels), dtype=bool)
    if targets.ndim > 1 and not _are_tags(targets):
        return np.asarray(targets.any(axis=0))
    carried = np.zeros(len(labels), dtype=bool)
    carried[targets[targets >= 0]] = True
    if not _are_tags(targets):
        return carried
    types = types_of(label for label, one in zip(labels, carried, strict=True) if one)
    return np.array([label == OUTSIDE or label[2:] in types for label in labels], dtype=bool)


def _are_tags(targets: np.ndarray) -> bool:
    return targets.ndim > 1 and targets.dtype == np.int64
