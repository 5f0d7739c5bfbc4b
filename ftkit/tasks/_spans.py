"""From probabilities of tags to a sequence that stands for spans."""

from __future__ import annotations

import numpy as np

from ftkit.data.table import Tags
from ftkit.data.tags import OUTSIDE

FLOOR = 1e-30  # of a probability, so that its logarithm is finite


def best_path(scores: np.ndarray, labels: tuple[str, ...]) -> Tags:
    """The likeliest valid BIO sequence, tokens being independent: (tokens, labels) probabilities -> a tag each.

    Where the likeliest tags of all tokens are a valid sequence, that is it; else Viterbi's algorithm finds it, with
    every I- allowed only after a B- or I- of its own type. A token that the base was not shown is outside.
    """
    unseen = scores.sum(axis=1) == 0
    first = scores.argmax(axis=1)
    allowed = _allowed(labels)
    start = ~np.array([label.startswith("I-") for label in labels])
    outside = labels.index(OUTSIDE)
    first[unseen] = outside
    if start[first[0]] and allowed[first[:-1], first[1:]].all():
        return Tags(labels[i] for i in first)
    likely = np.log(np.maximum(scores, FLOOR))
    likely[unseen] = np.where(np.arange(len(labels)) == outside, 0.0, -np.inf)
    return Tags(labels[i] for i in _viterbi(likely, start, allowed))


def _allowed(labels: tuple[str, ...]) -> np.ndarray:
    """(labels, labels) bool: whether the second may follow the first."""
    inside = np.array([label[2:] if label.startswith("I-") else "" for label in labels], dtype=object)
    kind = np.array([label[2:] for label in labels], dtype=object)
    return np.asarray((inside[None, :] == "") | (inside[None, :] == kind[:, None]), dtype=bool)


def _viterbi(likely: np.ndarray, start: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(tokens,) labels of the path with the largest sum of `likely` (tokens, labels)."""
    never = np.where(allowed, 0.0, -np.inf)
    total = np.where(start, likely[0], -np.inf)
    back = np.zeros(likely.shape, dtype=np.int64)
    for place in range(1, len(likely)):
        ways = total[:, None] + never
        back[place] = ways.argmax(axis=0)
        total = ways.max(axis=0) + likely[place]
    path = [int(total.argmax())]
    for place in range(len(likely) - 1, 0, -1):
        path.append(int(back[place, path[-1]]))
    return np.array(path[::-1])
