"""Whether a newly trained adapter may take the place of the one in service: on rows that neither has seen.

Of the rows that a group had when the adapter in service was trained, its out-of-fold predictions are kept; later rows
it has not seen at all, unless the general adapter that it started from has. The new adapter is scored out of fold on
both. So every row is predicted by adapters that never saw it or its text, and the more rows come in, the more is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.bank import rows, shards
from ftkit.bank.grouping import units_of
from ftkit.bank.records import CANNOT_TELL, PROMOTED, Outcome, Record
from ftkit.statistics import paired, promotion
from ftkit.statistics.paired import Comparison

if TYPE_CHECKING:
    from ftkit.bank.adapting import Adapted, Adapter
    from ftkit.bank.folder import BankFolder
    from ftkit.bank.grouping import Group
    from ftkit.bank.rows import Kept


@dataclass(frozen=True, eq=False)
class Gate:
    """Holds what was trained against what is in service."""

    adapter: Adapter
    whole: BankFolder
    """the bank as it is in service"""
    service: Mapping[str, Outcome]
    """what its groups use, by key"""
    seen: frozenset[str]
    """contents that the general adapter was trained on which those in service started from"""
    margin: float | None
    """smallest loss that matters; None: one point, see `Measure.margin`"""
    _last: dict[int, Kept] = field(default_factory=dict)
    """rows of the shard that was read last: groups of one often come one after the other"""

    def held(self, group: Group, found: Adapted) -> Record:
        """The record of a group, with how its new adapter differs from its last one, on rows that neither has seen.

        Where that one is in service, both adapters that the group may use now are held against it.
        """
        before = self.service.get(group.key)
        if before is None or before.record.place is None or found.weights is None:
            return found.record
        place, old = self._before(before, found.rows)
        known = found.rows[place]
        own = self._compared(known, found.own[place], old)
        record = replace(found.record, unseen=len(known))
        if own is not None:
            record = replace(record, margin=own.margin or 0.0, **self._tallied(known, found.own[place], old))
        if before.outcome != PROMOTED:
            return record
        general = self._compared(known, found.general[place], old)
        return replace(
            record,
            verdict=own.outcome if own else CANNOT_TELL,
            without=general.outcome if general else CANNOT_TELL,
            change_low=own.low if own else None,
            change_high=own.high if own else None,
            needed=paired.rows_to_tell(own) if own else None,
        )

    def _tallied(self, known: np.ndarray, new: np.ndarray, old: np.ndarray) -> dict[str, Any]:
        """Keys of the record: by how much the new adapter is better on some rows."""
        difference = self.adapter.stage.measure.gains(self.adapter.targets[known], old, new)
        units = units_of(self.adapter.frame.iloc[known])
        tally = promotion.tally(difference, np.zeros(len(known), dtype=int), 1, units)
        sums = {"change": tally.gain, "change_squares": tally.squares}
        return {name: float(one[0]) for name, one in sums.items()} | {"change_units": int(tally.units[0])}

    def _before(self, before: Outcome, every: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places in `every` (positions) that the group's last adapter has not seen, and what it says of them."""
        assert before.record.place is not None
        kept = self._kept(before.shard).of(before.record.key)
        tested = {row: i for i, row in enumerate(kept.frame["row_id"]) if kept.frame["fold"][i] != rows.NEVER}
        seen = self.seen | set(kept.frame["content"])
        frame, mask = self.adapter.frame.iloc[every], self.adapter.mask
        ids = [mask.digest(one) for one in frame["row_id"]]
        fresh = [mask.digest(one) not in seen for one in frame["content"]]
        old = np.zeros((len(every), *kept.own.shape[1:]), dtype=kept.own.dtype)
        stored = np.array([row in tested for row in ids], dtype=bool)
        old[stored] = kept.own[[tested[row] for row in ids if row in tested]]
        if (new := ~stored & np.array(fresh, dtype=bool)).any():
            path = shards.path_of(self.whole.shards, before.shard)
            weights = shards.read(path).adapter(before.record.place)
            old[new] = self.adapter.said(weights, before.record.labels, every[new])
        place = np.flatnonzero(stored | new)
        return place, old[place]

    def _kept(self, shard: int) -> Kept:
        if shard not in self._last:
            self._last.clear()
            self._last[shard] = rows.read([rows.path_of(self.whole.rows, shard)])
        return self._last[shard]

    def _compared(self, known: np.ndarray, new: np.ndarray, old: np.ndarray) -> Comparison | None:
        """The new one against the old one; None without rows."""
        if not len(known):
            return None
        measure, targets = self.adapter.stage.measure, self.adapter.targets[known]
        frame = self.adapter.frame.iloc[known]
        units = units_of(frame) if frame["unit"].notna().any() else None
        one, other = (measure.scored(targets, scores) for scores in (new, old))
        return measure.compare(one, other, units, self.margin)
