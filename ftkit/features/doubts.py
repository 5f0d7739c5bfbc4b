"""Which given labels a cross-validated probe doubts: confident learning, by the library of those who proposed it.

Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021. A row is listed
where both of its rules agree (`both` of cleanlab): labels that are wrong as often as the estimated noise says, and
predictions that are confident for their label. Probabilities are out of fold and divided by a temperature.

On 409 short messages in 8 labels, of which the probe gets 79 % right, with 5 % of the labels turned to a random other
one (10 draws), it lists 13 % of the rows; 8 in 10 of the turned ones are among them, and of the first 20 listed, which
is as many as were turned, 13 are turned ones.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ftkit.features import solving
from ftkit.statistics import temperature

if TYPE_CHECKING:
    from ftkit.data.folds import Together

FOLDS, FEWER_FOLDS = 10, 5
MANY = 2000
"""rows from which fewer folds do, because what they leave to learn from is plenty"""
FEW_ROWS = 30
FEW_OF_LABEL = 5
"""rows of a label below which a probe knows it too little to doubt it"""
LIMIT = 150_000_000
"""rows x labels x width of the features: about 12 s on one core, 5,000 rows of 77 labels at 384"""


@dataclass(frozen=True, eq=False)
class Doubts:
    """What a probe that had not seen them says of the labels of some rows; nothing where `why_not` has a reason."""

    rows: np.ndarray
    """positions that were judged"""
    doubt: np.ndarray
    """(rows,) probability that the given label is wrong; of several labels, of the most doubtful decision"""
    suggestion: np.ndarray
    """(rows,) the likeliest label, or (rows, labels) 0 and 1: the given ones, those that are doubted turned"""
    listed: np.ndarray
    """(rows,) bool"""
    rare: int = 0
    """rows that were not judged because their label is rare"""
    why_not: str = ""

    @classmethod
    def none(cls, why_not: str, rare: int = 0) -> Doubts:
        """Nothing was judged."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing.astype(float), nothing, nothing.astype(bool), rare, why_not)


def find(
    features: np.ndarray,
    targets: np.ndarray,
    labels: int,
    positions: np.ndarray,
    together: Together,
    strength: float,
    balanced: bool = False,
) -> Doubts:
    """Judge the labels at `positions`; features (all rows, width), targets (all rows,) or (all rows, labels).

    Near-equal rows, and those of a unit, are in one fold: a row does not speak for its own copy.
    """
    from ftkit.data import folds

    kept = _frequent(targets, positions)
    rare = len(positions) - len(kept)
    if len(kept) < FEW_ROWS:
        few = f"of labels with at least {FEW_OF_LABEL} rows there are {len(kept)} rows, and it takes {FEW_ROWS}"
        return Doubts.none(few, rare)
    if len(kept) * labels * features.shape[1] > LIMIT:
        return Doubts.none(f"{len(kept):,} rows of {labels} labels would take minutes", rare)
    fold = folds.folds(together, kept, FEWER_FOLDS if len(kept) >= MANY else FOLDS, 0, "doubts")
    if len(np.unique(fold)) < 2:
        return Doubts.none("all rows are near-equal or of one unit", rare)
    logits = _out_of_fold(features[kept], targets[kept], labels, fold, strength, balanced)
    judge = _one_label if targets.ndim == 1 else _several_labels
    doubt, suggestion, listed = judge(logits, targets[kept])
    return Doubts(kept, doubt, suggestion, listed, rare)


def _frequent(targets: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rows whose label has enough of them; where a row may have several labels, all rows."""
    if targets.ndim == 2:
        return positions
    given = targets[positions]
    count = np.bincount(given[given >= 0], minlength=1)
    frequent: np.ndarray = positions[(given >= 0) & (count[given] >= FEW_OF_LABEL)]
    return frequent


def _out_of_fold(
    features: np.ndarray, targets: np.ndarray, labels: int, fold: np.ndarray, strength: float, balanced: bool
) -> np.ndarray:
    """Logits (rows, labels) of each row by a probe on the other folds."""
    logits = np.zeros((len(features), labels))
    for number in np.unique(fold):
        out = fold == number
        weight, bias = solving.solve(features[~out], targets[~out], labels, strength, balanced)
        logits[out] = features[out] @ weight.T + bias
    return logits


def _one_label(logits: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Doubt, suggestion and listed of each row."""
    from scipy.special import softmax

    present, place = np.unique(given, return_inverse=True)
    scale = temperature.fit(logits[:, present], place, np.ones(len(place)))
    scores = softmax(logits[:, present] / scale, axis=1)
    doubt = 1 - scores[np.arange(len(place)), place]
    suggestion = present[scores.argmax(axis=1)]
    return doubt, suggestion, _issues(place, scores) & (suggestion != given)


def _several_labels(logits: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same where each label is a question of its own, and rare ones (or rarely absent ones) are not asked."""
    from scipy.special import expit

    given = given.astype(np.int64)
    scores = expit(logits / temperature.fit(logits, given, np.ones(len(given))))
    doubt = np.where(given == 1, 1 - scores, scores)  # (rows, labels)
    listed = np.zeros(given.shape, dtype=bool)
    rows = given.sum(axis=0)
    asked = np.flatnonzero((rows >= FEW_OF_LABEL) & (len(given) - rows >= FEW_OF_LABEL))
    for label in asked.tolist():
        two = np.stack([1 - scores[:, label], scores[:, label]], axis=1)
        listed[:, label] = _issues(given[:, label], two) & (doubt[:, label] > 0.5)
    return doubt.max(axis=1), np.where(listed, 1 - given, given), np.asarray(listed.any(axis=1))


def _issues(given: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(rows,) whether confident learning takes a label for wrong; labels are numbered without gaps."""
    if scores.shape[1] < 2:
        return np.zeros(len(given), dtype=bool)
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a label is too small to lose rows says nothing to a user
        found = find_label_issues(given, scores, filter_by="both", n_jobs=1)
    return np.asarray(found, dtype=bool)
