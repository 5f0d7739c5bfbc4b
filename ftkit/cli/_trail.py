"""What a command read and wrote, for its line in `runs/log.jsonl`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ftkit.console import console


@dataclass
class Trail:
    """Handed to a verb that touches data; whatever it notes here is hashed and logged when it ends."""

    words: list[str]
    """the command as typed"""
    inputs: list[Path] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    logged: bool = False
    names: set[str] = field(default_factory=set)
    """words that name groups, which are left out where rows are hidden"""

    def hide(self, *names: str | None) -> None:
        """Note words that name a group."""
        self.names |= {name for name in names if name is not None}

    @property
    def command(self) -> str:
        """The command as it can be pasted into a shell, without the labels that a hidden table may map."""
        return shlex.join(self._told())

    def again(self, verb: str) -> str:
        """The same command with another verb."""
        told = self._told()
        return shlex.join([*told[:1], verb, *told[2:]])

    def read(self, *paths: Path | str) -> None:
        """Note files that were read; a folder or a hub id is logged without a hash."""
        self.inputs += [Path(os.path.abspath(path)) if os.path.exists(path) else Path(path) for path in paths]

    def wrote(self, *paths: Path | str) -> None:
        """Note what was written; a folder stands for all files in it, checkpoints aside."""
        for path in map(Path, paths):
            self.outputs += sorted(_files(path)) if path.is_dir() else [path]

    def write(self, code: int) -> None:
        """Add the line, for a command that touched data."""
        if not self.logged:
            return
        from ftkit.folders import RUNS
        from ftkit.runs import log as runlog

        line = runlog.entry(self._told(), dict.fromkeys(self.inputs), dict.fromkeys(self.outputs), code)
        if not runlog.append(RUNS, line):
            console.warn(f"{RUNS / runlog.NAME} cannot be written, so this command is not in the log")

    def _told(self) -> list[str]:
        from ftkit.privacy import HIDDEN, hidden  # brings hashlib, which --help need not wait for

        if not hidden():
            return self.words
        words = [f"{word.partition('=')[0]}={HIDDEN}" if "data.label_map" in word else word for word in self.words]
        return [HIDDEN if word in self.names else word for word in words]


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts)
