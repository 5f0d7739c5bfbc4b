"""The room of each arm, as earlier attempts at the same run have left it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ftkit.console import console
from ftkit.training.memory import Room, killed_for_memory, signs

if TYPE_CHECKING:
    from ftkit.runs.folder import RunFolder

KEY = "memory"


class Rooms:
    """What a run remembers of memory: how often the batches of each arm were halved, and signs of its use."""

    def __init__(self, run: RunFolder) -> None:
        kept = run.begun.get(KEY, {})
        self._run = run
        self._known: dict[str, int] = kept.get("halvings", {})
        self._rooms: dict[str, Room] = {}
        self._more = int(run.vanished and killed_for_memory(kept.get("signs", {})))
        if self._more:
            console.warn("the last attempt was killed for want of memory: batches now run in twice as many parts")

    def of(self, label: str) -> Room:
        """The room of an arm; what an earlier attempt has found to fit is not measured again, and so repeats."""
        known = math.inf if label in self._known and not self._more else 0
        self._rooms[label] = Room(self._known.get(label, 0) + self._more, known)
        return self._rooms[label]

    def remember(self) -> None:
        """Keep what the next attempt must know, should this one be killed now."""
        halvings = self._known | {label: room.halvings for label, room in self._rooms.items() if room.known}
        most = max(self._rooms.values(), key=lambda room: room.expected, default=Room())
        self._run.remember(KEY, {"halvings": halvings, "signs": signs(most)})
