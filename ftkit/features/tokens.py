"""Rows of tokens: a vector, and later a score for each label, for every token instead of one for the row.

What belongs to such rows is an object array (rows,) of arrays (tokens, …): it is indexed, joined and divided as any
other array of rows is, and nothing in it is padded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from ftkit.tasks import NO_TOKEN, PIECES


def ragged(arrays: Iterable[np.ndarray | None], count: int) -> np.ndarray:
    """(rows,) objects. `numpy.array` would make one block of arrays that happen to be equally long."""
    return np.fromiter(arrays, dtype=object, count=count)


def stacked(each: Sequence[np.ndarray]) -> np.ndarray:
    """What is said of rows, one after the other: vectors become a block, and what is of tokens, objects."""
    return ragged(each, len(each)) if len(each) and each[0].ndim > 1 else np.stack(each)


def is_ragged(array: np.ndarray) -> bool:
    """Whether rows are sequences of tokens."""
    return array.dtype == object


def flat(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All tokens of an object array, (tokens, …), and the number of tokens of each row."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return np.concatenate(list(rows)) if len(rows) else np.zeros((0, 0), np.float32), lengths


def split(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The opposite of `flat`."""
    ends = np.cumsum(lengths)
    return ragged((tokens[end - length : end] for end, length in zip(ends, lengths, strict=True)), len(lengths))


def means(rows: np.ndarray) -> np.ndarray:
    """(rows, width): of each row the mean over the tokens that the base is shown, 0 without any; a block as it is."""
    if not is_ragged(rows):
        return rows
    shown = [row[np.isfinite(row[:, 0])] for row in rows]
    return np.stack([row.sum(axis=0) / max(1, len(row)) for row in shown])


def places(rows: Sequence[dict[str, np.ndarray]]) -> torch.Tensor:
    """(rows, tokens) where each token's piece stands, padded as `collate` pads it."""
    block = np.full((len(rows), max(len(row[PIECES]) for row in rows)), NO_TOKEN, dtype=np.int64)
    for i, row in enumerate(rows):
        block[i, : len(row[PIECES])] = row[PIECES]
    return torch.from_numpy(block)


def gathered(
    pooled: np.ndarray, rows: Sequence[dict[str, np.ndarray]], positions: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Features that are kept of some of all rows, as a head takes them: (rows, width), and nothing beside it.

    Of rows of tokens, the vectors of those that have a piece, (tokens, width), and where the pieces stand.
    """
    pooled = pooled[positions]
    if not is_ragged(pooled):
        return torch.from_numpy(pooled), None
    pieces = places([rows[i] for i in positions])
    return torch.from_numpy(np.concatenate(list(pooled)))[pieces[pieces != NO_TOKEN] >= 0], pieces


def of_each(whose: np.ndarray, pieces: torch.Tensor | None) -> np.ndarray:
    """Numbers of rows, (rows,) -> those of the vectors that `gathered` gives of them."""
    return whose if pieces is None else np.repeat(whose, (pieces >= 0).sum(1).cpu().numpy())


def spread(seen: torch.Tensor, pieces: torch.Tensor | None) -> torch.Tensor:
    """Logits of the tokens that have a piece, (tokens, labels), -> (rows, longest, labels).

    Minus infinity where the base is not shown a token, and where there is none. Logits of rows without pieces,
    (rows, labels), stay as they are.
    """
    if pieces is None:
        return seen
    out = seen.new_full((*pieces.shape, seen.shape[-1]), float("-inf"))
    out[pieces >= 0] = seen
    return out


def blank(count: int, width: int, dtype: type, each: bool) -> np.ndarray:
    """Room for what is said of so many rows: zeros (rows, width), or with `each` an object for the tokens of each."""
    return np.empty(count, dtype=object) if each else np.zeros((count, width), dtype=dtype)


def cut(logits: np.ndarray, rows: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    """(rows, longest, labels) -> objects (tokens, labels), each with as many tokens as its row has."""
    return ragged((one[: len(row[PIECES])].copy() for one, row in zip(logits, rows, strict=True)), len(rows))


def of_rows(seen: np.ndarray, rows: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    """Logits of the tokens that have a piece, (tokens, labels), -> objects (tokens, labels) of each row."""
    return cut(spread(torch.from_numpy(seen), places(rows)).numpy(), rows)


def seen_only(targets: np.ndarray, rows: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    """Targets (rows, tokens) without those of tokens that the base is not shown: nothing is learned from them."""
    kept = targets.copy()
    for i, row in enumerate(rows):
        kept[i, : len(row[PIECES])][row[PIECES] < 0] = -1
    return kept


def labelled(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (tokens, width) and targets (tokens,) of all tokens that have both."""
    found, lengths = flat(features)
    gold = np.concatenate([target[:length] for target, length in zip(targets, lengths, strict=True)])
    have = (gold >= 0) & ~np.isnan(found[:, 0])
    return found[have], gold[have]
