"""The nearest labelled rows, by the likeness of their features: a baseline that learns nothing."""

from __future__ import annotations

import numpy as np

from ftkit.features import tokens

SORTED = 4_000  # candidates up to which all are put in order; of more, that takes longer than to compute them
MOST_TOKENS = 20_000  # of training rows that each token of a test row is held against
LIKENESSES = 2**23  # of queries to candidates, held at once: 32 MiB, and sorting them takes thrice as much


def vote(features: np.ndarray, targets: np.ndarray, labels: int, queries: np.ndarray, count: int = 5) -> np.ndarray:
    """Probabilities (queries, labels) by a vote of the nearest training rows, weighted by cosine likeness.

    Of numbers (rows, targets) it is their weighted mean. Of tokens, each asks the nearest tokens of the training
    rows, of which at most `MOST_TOKENS` are kept.
    """
    if tokens.is_ragged(features):
        return _vote_of_tokens(features, targets, labels, queries, count)
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    asked = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-12)
    onehot = targets.astype(np.float64) if targets.ndim == 2 else np.eye(labels)[targets]
    out = np.empty((len(asked), labels))
    at_once = min(1024, max(1, LIKENESSES // max(1, len(unit))))
    for start in range(0, len(asked), at_once):
        likeness = asked[start : start + at_once] @ unit.T
        near = _nearest(likeness, count)
        close = np.take_along_axis(likeness, near, axis=1).astype(np.float64)
        weight = np.exp(10 * close)  # 10: a likeness of 0.1 more counts e times
        weight /= weight.sum(axis=1, keepdims=True)
        out[start : start + at_once] = np.einsum("qk,qkl->ql", weight, onehot[near])
    return out


def _nearest(likeness: np.ndarray, count: int) -> np.ndarray:
    """(queries, count) places of the largest values; of equal ones the first, unless there are many to choose from."""
    if likeness.shape[1] > SORTED:
        return np.argpartition(-likeness, count, axis=1)[:, :count]
    return np.argsort(-likeness, axis=1, kind="stable")[:, :count]


def _vote_of_tokens(
    features: np.ndarray, targets: np.ndarray, labels: int, queries: np.ndarray, count: int
) -> np.ndarray:
    known, gold = tokens.labelled(features, targets)
    if len(known) > MOST_TOKENS:
        drawn = np.random.default_rng(0).permutation(len(known))[:MOST_TOKENS]
        known, gold = known[drawn], gold[drawn]
    asked, lengths = tokens.flat(queries)
    seen = ~np.isnan(asked[:, 0])
    scores = np.zeros((len(asked), labels))
    scores[seen] = vote(known, gold, labels, asked[seen], count)
    return tokens.split(scores, lengths)
