"""Encoded rows, their batches, and what the frozen part of the base says about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ftkit import hardware
from ftkit.data.decoded import Decoded
from ftkit.features import tokens
from ftkit.features.batch import Batch
from ftkit.features.cache import SEGMENT, Cache, Shelf
from ftkit.features.entries import doubt_of_padding, each_token, un_padded
from ftkit.features.headroom import in_lengths
from ftkit.features.network import Network
from ftkit.features.pooling import EACH, Pooling
from ftkit.tasks import FRAMES, PIECES

if TYPE_CHECKING:
    from ftkit.features.constants import Constants
    from ftkit.tasks import Task

BUDGET = 512 * 2**20  # bytes of prefixes in memory at most, where the disk takes none
PROBED = 3  # longest rows on which the cut is held against the plain model


@dataclass
class Examples:
    """All rows of a run as the model takes them; `positions` everywhere are places in this list."""

    task: Task
    processor: Any
    rows: Sequence[dict[str, np.ndarray]]
    prefix: Prefix | None = None
    augment: tuple[str, ...] = ()
    """what changes training rows at random; then there is no prefix, and no head trains on features alone"""
    at_once: int | None = None
    """rows of a pass without gradients that fit into memory; None: not known yet"""
    constants: Constants | None = None
    """what frozen modules above the cut make of some rows, while it is looked up"""

    def __post_init__(self) -> None:
        seen = self.task.positions(self.rows, self.processor)
        self.lengths = lengths_of(self.rows) if seen is None else seen

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def several(self) -> bool:
        """Whether each row is pictures that go through the base one by one."""
        return isinstance(self.rows, Decoded) and self.rows.several

    @cached_property
    def hashes(self) -> list[str]:
        """`input_hash` of each row."""
        return hash_rows(self.rows)

    def batch(self, positions: np.ndarray, cached: bool = True, changed: int | None = None) -> Batch:
        """A batch padded to its own longest row, with its cached prefix where there is one and it is wanted.

        With `changed`, a seed, the rows are augmented: for training steps alone.
        """
        if cached and self.prefix is not None:
            shape = self.task.outline(self.lengths[positions], self.processor) or self._collated(positions)
            batch = _batch(shape, self.prefix.take(positions, several=FRAMES in shape))
            known = None if self.constants is None or batch.frames is not None else self.constants.take(positions)
            return batch if known is None or self.constants is None else replace(batch, known=(self.constants, known))
        inputs = self._collated(positions)
        if changed is not None and self.augment:
            inputs = self.task.augment(inputs, self.augment, torch.Generator().manual_seed(changed))
        return _batch(inputs)

    def _collated(self, positions: np.ndarray) -> dict[str, torch.Tensor]:
        return self.task.collate([self.rows[i] for i in positions], self.processor)

    def by_length(self, positions: np.ndarray, size: int) -> Iterator[np.ndarray]:
        """Chunks of similar length, longest first, so that little padding is computed."""
        order = positions[np.argsort(-self.lengths[positions], kind="stable")]
        for start in range(0, len(order), size):
            yield order[start : start + size]


@dataclass
class Prefix:
    """What enters the first trained block for each row, un-padded, in memory or in memory-mapped files."""

    shelf: Shelf
    hashes: list[str]

    def take(self, positions: np.ndarray, several: bool = False) -> torch.Tensor:
        """(rows, longest, …), padded with zeros on the right; of rows of `several` pictures, (pictures, …)."""
        rows = [self.shelf[self.hashes[i]] for i in positions]
        return torch.cat(rows) if several else torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


class Features:
    """What the untouched base says of rows, each computed once or found in the cache.

    Rows go through the base un-padded, those of one length together. So a row's numbers do not depend
    on its companions, and it makes no difference to a run, to the last bit, which rows an earlier
    one has left in the cache.
    """

    def __init__(
        self,
        network: Network,
        examples: Examples,
        poolings: Sequence[Pooling],
        cache: Cache | None,
        keep: bool = True,
        also: Sequence[Network] = (),
    ) -> None:
        """`keep` says whether the prefix is wanted where it can be had.

        `also` are networks on the same backbone that are cut elsewhere: the pass that reads a row leaves
        theirs in the cache, too.
        """
        self._network, self._poolings = network, tuple(poolings)
        self._examples = replace(examples, prefix=None)  # rows are read from the bottom, also once others are known
        self.known = np.zeros(len(examples), dtype=bool)
        """(rows,) those that were read"""
        self.pooled: dict[Pooling, np.ndarray] = {}
        """pooling: (rows, width) float32, nan for rows not read; of tokens, objects (tokens, width), None likewise"""
        self.why_not = ""
        """why no prefix is kept, where one could have been"""
        self.computed = 0
        """rows that were run through the base"""
        origin = network.origin
        self._trusted = False
        self._budget = min(BUDGET, hardware.memory_limit() // 8)
        if cache is None or origin is None:
            cache = Cache.in_memory()
        self._cache, self._hashes = cache, cache.names(examples.hashes)
        whole, below = (origin.whole(), origin.below(network.depth)) if origin else ("", "below")
        self._pooled = {one: cache.shelf(f"{whole}-{one.kind}-{int(one.normalise)}") for one in poolings}
        self._cuts = {
            one: cache.shelf(below if one is network or origin is None else origin.below(one.depth))
            for one in (network, *also)
            if keep and 0 < one.depth < len(one.blocks)
        }

    @property
    def prefix(self) -> Prefix | None:
        """What training starts from; None where nothing is cut, or the cut does not hold."""
        shelf = self._cuts.get(self._network)
        return None if shelf is None else Prefix(shelf, self._hashes)

    def read(self, positions: np.ndarray, seen: Callable[[int], None] = lambda rows: None) -> None:
        """Know these rows; `seen` is told how many are done."""
        positions = np.unique(positions[~self.known[positions]])
        if not len(positions):
            return
        shelves = self._shelves()
        for shelf in shelves:
            shelf.open({self._hashes[i] for i in positions})
        first = {self._hashes[i]: i for i in positions[::-1]}  # equal rows are computed once
        missing = np.array([i for digest, i in first.items() if any(digest not in one for one in shelves)], dtype=int)
        done = len(positions) - len(missing)
        if len(missing):
            self._compute(np.sort(missing), done, seen)
        for pooling, shelf in self._pooled.items():
            self._know(pooling, positions, [shelf[self._hashes[i]].float() for i in positions])
        self.known[positions] = True
        seen(len(positions))

    def _know(self, pooling: Pooling, positions: np.ndarray, entries: list[torch.Tensor]) -> None:
        """Keep what was read; tokens stay where they are, as files that are mapped into memory."""
        if pooling.kind == EACH:
            whole = self.pooled.setdefault(pooling, np.full(len(self._hashes), None, dtype=object))
            whole[positions] = tokens.ragged((one.numpy() for one in entries), len(entries))
            return
        rows = torch.cat(entries).numpy()
        whole = self.pooled.setdefault(pooling, np.full((len(self._hashes), rows.shape[1]), np.nan, np.float32))
        whole[positions] = rows

    def of(self, rows: Sequence[dict[str, np.ndarray]]) -> dict[Pooling, np.ndarray]:
        """What the base says of other rows of the same task: features (rows, width) by pooling."""
        others = replace(self._examples, rows=rows)
        found = Features(self._network, others, self._poolings, self._cache, keep=False)
        found.read(np.arange(len(others)))
        return found.pooled

    def digest(self) -> str:
        """sha256 of all that was read."""
        state = hashlib.sha256(self.known.tobytes())
        for pooling in sorted(self.pooled, key=str):
            for row in self.pooled[pooling] if pooling.kind == EACH else [self.pooled[pooling]]:
                state.update(b"" if row is None else row.tobytes())
        if (prefix := self._cuts.get(self._network)) is not None:
            for i in np.flatnonzero(self.known):
                state.update(prefix[self._hashes[i]].contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return state.hexdigest()

    @torch.no_grad()
    def _compute(self, positions: np.ndarray, done: int, seen: Callable[[int], None]) -> None:
        self._network.training(False)
        pending: dict[str, dict[str, torch.Tensor]] = {}
        size = 0

        def work(rows: np.ndarray, filled: np.ndarray) -> None:
            nonlocal size, done
            batch = self._examples.batch(filled, cached=False).to(self._network.device)
            for shelf, several in self._pass(batch):
                entries = pending.setdefault(str(shelf.place), {})
                for row, position in enumerate(rows):
                    entries[self._hashes[position]] = several[row]
                    size += several[row].nbytes
            self.computed += len(rows)
            done += len(rows)
            seen(done)
            if size > SEGMENT:
                self._put(pending)
                size = 0

        self._trust(positions)
        in_lengths(self._network, self._examples, positions, work)
        self._put(pending)

    def _put(self, pending: dict[str, dict[str, torch.Tensor]]) -> None:
        for shelf in self._shelves():
            shelf.put(pending.pop(str(shelf.place), {}))
        if max(self._cache.held, sum(shelf.held for shelf in self._cuts.values())) > self._budget:
            for network in list(self._cuts):
                self._uncached(network, f"there is no disk to keep more than {self._budget / 2**20:,.0f} MiB on")
        pending.clear()

    def _shelves(self) -> list[Shelf]:
        return [*self._pooled.values(), *self._cuts.values()]

    def _uncached(self, network: Network, why: str) -> None:
        self._cache.close(self._cuts.pop(network))
        if network is self._network:
            self.why_not = f"the frozen layers are not cached: {why}"

    def _trust(self, positions: np.ndarray) -> None:
        """Hold each cut against the plain model on some of the longest rows, before anything is built on it."""
        if not self._cuts or self._trusted:
            return
        self._trusted = True
        longest = positions[np.argsort(-self._examples.lengths[positions], kind="stable")][:PROBED]
        shortest = positions[np.argsort(self._examples.lengths[positions], kind="stable")][:1]
        both = np.concatenate([longest, shortest])
        padded, alone = (self._examples.batch(some, cached=False).to(self._network.device) for some in (both, shortest))
        for network in list(self._cuts):
            if why := network.doubt(padded.inputs) or doubt_of_padding(network, padded, alone):
                self._uncached(network, why)

    def _pass(self, batch: Batch) -> Iterator[tuple[Shelf, list[torch.Tensor]]]:
        """The entries of a batch's rows, for each shelf."""
        if not self._cuts:
            hidden: torch.Tensor | None = self._network(batch)
            several: list[torch.Tensor | None] = []
        else:
            first, *others = self._cuts
            several, hidden = first.enter(batch.inputs, others, above=bool(self._poolings))
        for pooling, shelf in self._pooled.items():
            assert hidden is not None
            pooled = self._network.pooled(batch, hidden, pooling).cpu()
            yield shelf, each_token(pooled, batch) if pooling.kind == EACH else list(pooled[:, None].unbind())
        for (network, shelf), entering in zip(self._cuts.items(), several, strict=True):
            if entering is not None:
                yield shelf, un_padded(network, batch, entering)


def _batch(inputs: dict[str, torch.Tensor], prefix: torch.Tensor | None = None) -> Batch:
    pieces, frames = inputs.pop(PIECES, None), inputs.pop(FRAMES, None)
    return Batch(inputs, prefix, pieces, frames)


def hash_rows(rows: Sequence[dict[str, np.ndarray]]) -> list[str]:
    """sha256 of what the model sees of each row (32 hex digits): the `input_hash`."""
    return rows.hashes if isinstance(rows, Decoded) else [_digest(row) for row in rows]


def lengths_of(rows: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    """(rows,) positions of each row, along the first axis of its first array."""
    if isinstance(rows, Decoded):
        return rows.lengths
    return np.array([len(next(iter(row.values()))) for row in rows], dtype=np.int64)


def _digest(row: dict[str, np.ndarray]) -> str:
    state = hashlib.sha256()
    for key in sorted(row):
        state.update(f"{key}{row[key].dtype}{row[key].shape}".encode())
        state.update(np.ascontiguousarray(row[key]).tobytes())
    return state.hexdigest()[:32]
