"""Rows of equal input: where many people judge one text, it goes through the base once for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def codes(hashes: Sequence[str]) -> np.ndarray | None:
    """(rows,) a number for each row, equal for equal inputs; None where no input comes twice."""
    known = {one: i for i, one in enumerate(dict.fromkeys(hashes))}
    return None if len(known) == len(hashes) else np.array([known[one] for one in hashes])


def firsts(rows: np.ndarray, alike: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row of each input, in the order in which inputs come first, and the place there of every row's input.

    Rows 7, 2, 5, of which 7 and 5 have equal inputs, become (7, 2) and (0, 1, 0).
    """
    _, first, again = np.unique(alike[rows], return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return rows[first[order]], place[again]


def with_repeats(batches: Sequence[np.ndarray], rows: np.ndarray, alike: np.ndarray) -> list[np.ndarray]:
    """Batches of one row of each input, filled up with all of `rows` that have the same inputs."""
    order = rows[np.argsort(alike[rows], kind="stable")]
    known = alike[order]
    found = []
    for some in batches:
        begin, end = (np.searchsorted(known, alike[some], side) for side in ("left", "right"))
        found.append(np.concatenate([order[one:other] for one, other in zip(begin, end, strict=True)]))
    return found
