"""Several finished runs on one base: it is loaded once, and a row passes the layers that no run has moved once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ftkit.features import processor
from ftkit.features.cache import Cache
from ftkit.features.examples import Examples, Features
from ftkit.features.pooling import Pooling
from ftkit.models.assembly import Finished, Loaded, Model, loaded
from ftkit.models.delivery import method_of


@dataclass(frozen=True)
class Wanted:
    """A run, and what it is to score: places in sets of rows. Runs that score the same set share the object."""

    one: Finished
    rows: tuple[tuple[Examples, np.ndarray], ...]


def same_base(one: Finished) -> str:
    """Runs of which this is equal have the same backbone, and encode the same inputs to the same rows."""
    columns = {key.removeprefix("task.") for key in one.recipe.task.columns()}
    fields = {key: value for key, value in one.recipe.task.model_dump(mode="json").items() if key not in columns}
    return json.dumps([one.base.sha256, one.recipe.task.name, fields], sort_keys=True)


def score(
    wanted: Iterable[Wanted], cache: Cache, seen: Callable[[int], None]
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """(number in `wanted`, logits (places, labels) in each of its sets), base by base.

    `seen` is told the rows that are scored so far. Of one base, two copies are in memory at most.
    """
    groups: dict[str, list[tuple[int, Wanted]]] = {}
    for number, one in enumerate(wanted):
        groups.setdefault(same_base(one.one), []).append((number, one))
    done = 0
    for group in groups.values():
        base = _Shared(loaded(group[0][1].one), alone=len(group) == 1)
        if len(group) > 1:
            _read(base, [one for _, one in group], cache)
        for number, one in group:
            model = base.restored(one.one)
            logits = []
            for rows, places in one.rows:
                logits.append(model.logits_of(rows, places, cache=cache))
                done += len(places)
                seen(done)
            yield number, logits


class _Shared:
    """A base that stays as it is while runs are restored on it, unless there is one run alone."""

    def __init__(self, base: Loaded, alone: bool) -> None:
        self.base, self._alone = base, alone
        self._known: dict[Path, Model] = {}

    def restored(self, one: Finished) -> Model:
        """A run; one that only adds to the base's weights is kept, as it takes next to no memory."""
        if self._alone:
            return self.base.restored(one)
        if one.run not in self._known and method_of(one.run, one.recipe).peft:
            self._known[one.run] = self.base.twin().restored(one)
        return self._known.get(one.run) or self.base.copy().restored(one)


@dataclass(frozen=True)
class _Start:
    """Where a run goes on from what the base says of a row."""

    depth: int
    """the block that it enters; 0: there is nothing to share"""
    pooling: Pooling | None
    """of a run that left the base as it was, and only needs what comes out on top"""


def _read(base: _Shared, group: Sequence[Wanted], cache: Cache) -> None:
    """Put each set of rows that several runs score through the base, and keep all that these runs start from."""
    starts: dict[int, list[_Start]] = {}
    places: dict[int, list[np.ndarray]] = {}
    for one in group:
        model = base.restored(one.one)
        start = _Start(0, model.head.pooling) if model.untouched else _Start(model.network.depth, None)
        for rows, some in one.rows:
            starts.setdefault(id(rows), []).append(start)
            places.setdefault(id(rows), []).append(some)
    for rows in {id(rows): rows for one in group for rows, _ in one.rows}.values():
        if len(starts[id(rows)]) > 1:
            _pass(base.base, rows, np.unique(np.concatenate(places[id(rows)])), starts[id(rows)], cache)


def _pass(base: Loaded, rows: Examples, places: np.ndarray, starts: Sequence[_Start], cache: Cache) -> None:
    poolings = dict.fromkeys(one.pooling for one in starts if one.pooling is not None)
    depths = sorted({one.depth for one in starts if one.depth})
    cuts = [network for network, depth in zip(map(base.cut, depths), depths, strict=True) if network.depth == depth]
    with processor.used("auto", base.cut().width):
        features = Features(base.cut(), rows, tuple(poolings), cache, also=cuts)
        features.read(places)
