"""Encoded rows, their batches, and what the frozen part of the base says about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ftkit.features.network import Batch, Network
from ftkit.features.pooling import Pooling

if TYPE_CHECKING:
    from ftkit.tasks import Task

PREFIX_BYTES = 512 * 2**20  # cached prefixes beyond this are not kept; a run must fit into a 2 GiB laptop
TOLERANCE = 1e-4  # largest difference of hidden states, relative to their size, at which the cache is trusted


@dataclass
class Examples:
    """All rows of a run as the model takes them; `positions` everywhere are places in this list."""

    task: Task
    processor: Any
    rows: list[dict[str, np.ndarray]]
    prefix: Prefix | None = None

    def __post_init__(self) -> None:
        self.lengths = np.array([len(next(iter(row.values()))) for row in self.rows], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, positions: np.ndarray) -> Batch:
        """A batch padded to its own longest row, with its cached prefix where there is one."""
        inputs = self.task.collate([self.rows[i] for i in positions], self.processor)
        return Batch(inputs, None if self.prefix is None else self.prefix.take(positions))

    def by_length(self, positions: np.ndarray, size: int) -> Iterator[np.ndarray]:
        """Chunks of similar length, longest first, so that little padding is computed."""
        order = positions[np.argsort(-self.lengths[positions], kind="stable")]
        for start in range(0, len(order), size):
            yield order[start : start + size]


@dataclass
class Prefix:
    """Hidden states that enter the first trained block, un-padded, one row after the other."""

    flat: torch.Tensor
    """(all positions + 1, width); the last one is zero, for padding"""
    starts: np.ndarray
    lengths: np.ndarray

    def take(self, positions: np.ndarray) -> torch.Tensor:
        """(rows, longest, width), padded with zeros on the right."""
        lengths = self.lengths[positions]
        steps = np.arange(lengths.max())
        index = np.where(steps < lengths[:, None], self.starts[positions][:, None] + steps, len(self.flat) - 1)
        return self.flat[torch.from_numpy(index)]


@dataclass(frozen=True)
class Extracted:
    """One pass of the untouched base over all rows."""

    pooled: dict[Pooling, np.ndarray]
    """pooling: (rows, width) float32 features"""
    prefix: Prefix | None
    why_not: str = ""
    """why no prefix is kept, where one could have been"""


@torch.no_grad()
def extract(
    network: Network,
    examples: Examples,
    poolings: tuple[Pooling, ...],
    size: int = 64,
    seen: Callable[[int], None] = lambda rows: None,
) -> Extracted:
    """Run every row through the base once; keep pooled features and, where it helps, the prefix.

    `seen` is told the number of rows done so far.
    """
    network.training(False)
    store, why_not = _new_store(network, examples)
    pooled: dict[Pooling, np.ndarray] = {}
    done = 0
    for positions in examples.by_length(np.arange(len(examples)), size):
        batch = examples.batch(positions).to(network.device)
        entering, hidden = network.capture(batch.inputs)
        if store is not None and done == 0 and (fault := _mismatch(network, batch, entering, hidden)):
            store, why_not = None, fault
        if store is not None and entering is not None:
            _keep(store, positions, entering)
        for pooling in poolings:
            features = pooling(hidden, batch.mask).float().cpu().numpy()
            pooled.setdefault(pooling, np.zeros((len(examples), features.shape[1]), np.float32))[positions] = features
        done += len(positions)
        seen(done)
    return Extracted(pooled, store, why_not)


def _new_store(network: Network, examples: Examples) -> tuple[Prefix | None, str]:
    """An empty store for all rows, or why there is none."""
    if not 0 < network.depth < len(network.blocks) or len(examples) == 0:
        return None, ""
    if "attention_mask" not in examples.rows[0]:
        return None, "the prefix is not cached: rows have no mask"
    width = _width(network, examples)
    positions = int(examples.lengths.sum())
    if positions * width * 4 > PREFIX_BYTES:
        return None, f"the prefix is not cached: it would take {positions * width * 4 / 2**20:,.0f} MiB"
    starts = np.concatenate([[0], np.cumsum(examples.lengths)[:-1]])
    return Prefix(torch.zeros(positions + 1, width), starts, examples.lengths), ""


def _width(network: Network, examples: Examples) -> int:
    entering, hidden = network.capture(examples.batch(np.array([0])).to(network.device).inputs)
    return int((hidden if entering is None else entering).shape[-1])


def _mismatch(network: Network, batch: Batch, entering: torch.Tensor | None, hidden: torch.Tensor) -> str:
    """Why the cache cannot stand for the plain model on this batch; empty where it can."""
    reason = "the prefix is not cached: this architecture does not resume from it exactly"
    if entering is None or entering.shape[:2] != hidden.shape[:2] or batch.mask is None:
        return reason
    blank = torch.where(batch.mask.bool().unsqueeze(-1), entering, torch.zeros_like(entering))  # as it will be stored
    again = network(Batch(batch.inputs, blank))
    real = batch.mask.bool()
    off = (again[real] - hidden[real]).abs().max() / hidden[real].abs().max().clamp(min=1e-12)
    return reason if not bool(off < TOLERANCE) else ""


def _keep(store: Prefix, positions: np.ndarray, entering: torch.Tensor) -> None:
    entering = entering.float().cpu()
    for row, i in enumerate(positions):
        start, length = store.starts[i], store.lengths[i]
        store.flat[start : start + length] = entering[row, :length]


def hash_rows(rows: list[dict[str, np.ndarray]]) -> list[str]:
    """sha256 of what the model sees of each row (32 hex digits): the `input_hash`."""
    return [_digest(row) for row in rows]


def _digest(row: dict[str, np.ndarray]) -> str:
    state = hashlib.sha256()
    for key in sorted(row):
        state.update(f"{key}{row[key].dtype}{row[key].shape}".encode())
        state.update(np.ascontiguousarray(row[key]).tobytes())
    return state.hexdigest()[:32]
