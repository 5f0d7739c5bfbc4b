"""What all groups share says of their rows: equal rows are asked about once, those of several groups once for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ftkit.features import tokens

if TYPE_CHECKING:
    from ftkit.bank.grouping import Group

EMBEDDED = -2
"""stands for the untouched base beside the general adapters, which are known by the fold that they have not seen"""
Ask = Callable[[np.ndarray], np.ndarray]
"""positions → what is said of each, one entry a row"""


class Answers:
    """Keeps what was said of rows that several groups have; of others each group, or stack of groups, asks anew."""

    def __init__(self, hashes: Sequence[str]) -> None:
        self._hashes = np.array(hashes)
        self._kept = dict[tuple[int, str], np.ndarray]()

    def of(self, who: int, rows: np.ndarray, ask: Ask, keep: bool = False) -> np.ndarray:
        """What `who` says of each of some rows (positions, at least one); `keep` it for those that ask again."""
        names, first, again = np.unique(self._hashes[rows], return_index=True, return_inverse=True)
        known = [self._kept.get((who, name)) for name in names.tolist()]
        unknown = [i for i, one in enumerate(known) if one is None]
        if unknown:
            for i, said in zip(unknown, ask(rows[first[unknown]]), strict=True):
                known[i] = said
                if keep:
                    self._kept[who, str(names[i])] = said
        return tokens.stacked([one for one in known if one is not None])[again]

    def shared(self, groups: Sequence[Group]) -> np.ndarray:
        """One row (position) of each text that several groups have."""
        mine = [np.unique(self._hashes[group.rows], return_index=True) for group in groups]
        rows = np.concatenate([group.rows[first] for group, (_, first) in zip(groups, mine, strict=True)])
        _, first, times = np.unique(self._hashes[rows], return_index=True, return_counts=True)
        found: np.ndarray = rows[first[times > 1]]
        return found
