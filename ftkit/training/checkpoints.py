"""What a run keeps on disk while it trains, so that it can be killed at any moment and taken up again.

A run is a fixed sequence of members, and everything random follows from a seed and a step. So a run is taken up by
carrying out the sequence again: a member that was finished is read from its record instead of being trained, and
the one under way goes on from its newest record that is whole. A record is one safetensors file, staged, synced and
renamed, with a sha256 over all that it says; it holds what trains (adapter and head), never the frozen base.
"""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ftkit.console import console
from ftkit.files import replacing, system_error
from ftkit.recipe.pace import Pace
from ftkit.training.members import Member
from ftkit.training.state import Saved, restore, state_of

KEEP = 2  # records of the member under way: the newest, and one to fall back on
Line = dict[str, Any]
"""one entry of the run's history"""


@dataclass
class Journal:
    """The records of one run. Exactly one member is under way at a time.

    `begin` one, `note` its history and tell of each step with `stepped`, then `finish` it.
    """

    folder: Path
    """RUN/checkpoints, made at the first record"""
    pace: Pace
    record: Callable[[Line], None]
    """is given each history line, new or from a record"""
    remember: Callable[[], None]
    """is called where a member begins, and with each record"""
    key: str = ""
    lines: list[Line] = field(default_factory=list)
    at: float = field(default_factory=time.monotonic)
    full: bool = False
    """whether the disk refused a record; said once"""

    def begin(self, key: str, one: Member) -> dict[str, np.ndarray] | None:
        """Bring a fresh member to where its newest good record stands.

        Returns what `finish` was given where it was finished, None where it is to be trained (on).
        """
        self.key, self.lines, self.at = key, [], time.monotonic()
        self.remember()
        known = self._read(self._finished(key))
        for path in [] if known else reversed(self._under_way()):
            known = self._read(path)
            if known:
                break
        if known is None:
            return None
        for line in known.lines:
            self.note(line)
        restore(one, known)
        return known.results if known.finished else None

    def note(self, line: Line) -> None:
        """Take in a history line of the member under way."""
        self.lines.append(line)
        self.record(line)

    def stepped(self, one: Member) -> None:
        """Save the member where it is time to."""
        late = time.monotonic() - self.at >= self.pace.seconds
        if one.step and one.step % self.pace.steps == 0 if self.pace.steps else late:
            self.save(one)

    def save(self, one: Member) -> None:
        """Save the member under way as it stands, and let the oldest record go."""
        old = self._under_way()
        number = 1 + (int(old[-1].stem.partition("-")[2]) if old else 0)
        self._write(self.folder / f"state-{number:06}.safetensors", state_of(one, self.key, self.lines))
        self.at = time.monotonic()
        self.remember()
        for path in self._under_way()[:-KEEP]:
            path.unlink(missing_ok=True)

    def finish(self, one: Member, results: Mapping[str, np.ndarray], weights: bool) -> None:
        """Keep a finished member's curve and results, and with `weights` what it has learned."""
        record = state_of(one, self.key, self.lines, results, weights)
        self._write(self._finished(self.key), record)
        for path in self._under_way():
            path.unlink(missing_ok=True)

    def _finished(self, key: str) -> Path:
        return self.folder / f"done-{hashlib.sha256(key.encode()).hexdigest()[:24]}.safetensors"

    def _under_way(self) -> list[Path]:
        return sorted(self.folder.glob("state-*.safetensors"))

    def _write(self, path: Path, record: Saved) -> None:
        """A disk that is full costs the record, not the run: the older ones are still there."""
        try:
            self.folder.mkdir(exist_ok=True)
            with replacing(path) as temporary:
                record.write(temporary)
        except Exception as error:  # safetensors has an error of its own for what the disk refuses
            refused = system_error(error) or system_error(error.__cause__ or error)
            if refused is None or refused.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            if not self.full:
                console.warn(f"{path.parent}: the disk is full, so the run goes on from its last checkpoint if stopped")
            self.full = True

    def _read(self, path: Path) -> Saved | None:
        """A record, None where there is none for this member; a damaged one is named aloud."""
        try:
            known = Saved.read(path)
        except FileNotFoundError:
            return None
        except ValueError as error:
            console.warn(f"{path}: is damaged ({error}), so an older checkpoint is taken")
            return None
        return known if known.key == self.key else None
