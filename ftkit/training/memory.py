"""Training within the memory that there is: batches in more parts, and the signs of a process killed for memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ftkit import hardware
from ftkit.console import console
from ftkit.errors import FtkitError
from ftkit.features import headroom
from ftkit.features.headroom import SHARE, SMALLER

FAR = 0.3  # of the memory: what is reckoned to stay below it is not tried out before the first step
SUSPECT = 0.7  # of the memory: a process that used more and vanished was probably killed for it


@dataclass(frozen=True)
class Longest:
    """The longest batch that a job's members may meet, and how to run its first rows."""

    batch: int
    accumulate: int
    """parts that the recipe asks for"""
    device: torch.device
    unmade: int
    """bytes of gradients, optimiser's state and best weights that will stand beside it"""
    forward: Callable[[int], object]
    """runs so many rows, and keeps what `backward` would need while its result lives"""
    whole: Callable[[int], bool]
    """runs so many rows forwards and backwards; whether memory sufficed"""


@dataclass
class Room:
    """How often the parts of a batch were halved to fit into memory. A job has one, which its members share."""

    halvings: int = 0
    known: float = 0
    """positions of the largest batch that was looked at; inf: an earlier process chose, and a resumed run repeats it"""
    expected: int = 0
    """bytes that the longest batch was reckoned to bring the process to"""

    def parts(self, accumulate: int) -> int:
        """Parts of a batch where the recipe asks for `accumulate`; the value to save with the run."""
        return accumulate << self.halvings

    def halve(self, batch: int, accumulate: int, why: str) -> None:
        """Run batches in twice as many parts from now on, and say so.

        Raises FtkitError where a part is a single row already.
        """
        if self.parts(accumulate) >= batch:
            raise FtkitError(f"{why}, even with one row at a time", SMALLER)
        self.halvings += 1
        self._say(batch, accumulate, why)

    def choose(self, longest: Longest) -> None:
        """Take so many parts that the longest stays below 80 % of the memory, and try that one out.

        Nothing changes where memory suffices. Raises FtkitError where one row cannot fit.
        """
        used, limit = headroom.standing(longest.device)
        need = headroom.need(longest.forward, limit - used)
        if used + longest.unmade + need.of(self._rows(longest)) > FAR * limit:
            headroom.release()
            used, limit = headroom.standing(longest.device)
        asked = self.expected = used + longest.unmade + need.of(self._rows(longest))
        while self.expected > SHARE * limit and self._rows(longest) > 1:
            self.halvings += 1
            self.expected = used + longest.unmade + need.of(self._rows(longest))
        why = f"training needs about {_gib(asked)} of memory, over {SHARE:.0%} of the {_gib(limit)} there are"
        if self.expected > limit:
            raise FtkitError(f"{why}; one row at a time needs {_gib(self.expected)}", SMALLER)
        if self.expected < asked:
            self._say(longest.batch, longest.accumulate, why)
        if self.expected > FAR * limit:
            self._try_out(longest, limit)

    def _try_out(self, longest: Longest, limit: int) -> None:
        """Run the longest part, in smaller ones until it neither fails nor exceeds the share of memory."""
        while True:
            before = headroom.peak(longest.device)
            if not longest.whole(self._rows(longest)):
                self.halve(longest.batch, longest.accumulate, "out of memory")
                continue
            after = headroom.peak(longest.device)
            if after == before or after <= SHARE * limit or self._rows(longest) == 1:
                return
            self.halve(longest.batch, longest.accumulate, f"training took {_gib(after)} of {_gib(limit)} of memory")

    def _rows(self, longest: Longest) -> int:
        return math.ceil(longest.batch / self.parts(longest.accumulate))

    def _say(self, batch: int, accumulate: int, why: str) -> None:
        parts = min(batch, self.parts(accumulate))
        console.warn(f"{why}: each batch of {batch} rows runs in {parts} parts, to the same effect but more slowly")


def signs(room: Room) -> dict[str, Any]:
    """What a run writes down at its start and now and then, for `killed_for_memory`."""
    group, kills = hardware.memory_kills() or (None, None)
    share = max(hardware.peak_memory(), room.expected) / hardware.memory_limit()
    return {"group": group, "kills": kills, "share": round(share, 3)}


def killed_for_memory(record: Mapping[str, Any]) -> bool:
    """Whether a process that left this record and vanished was killed for want of memory.

    The kernel's count for the control group is proof either way; where it is not to be had, because
    the container is another one, a large share of the memory is suspicion enough.
    """
    group, kills = hardware.memory_kills() or (None, None)
    if group is not None and kills is not None and group == record.get("group"):
        return kills > int(record.get("kills") or 0)
    return float(record.get("share") or 0.0) > SUSPECT


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
