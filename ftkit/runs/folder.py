"""A run under way: its folder, its status, its history and its clock."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftkit import runs
from ftkit.errors import Interrupted
from ftkit.files import os_error, write_text


@dataclass
class RunFolder:
    """The folder of a run under way. `status` says `running`, then how it ended."""

    path: Path

    def status(self, word: str) -> None:
        """Write the status file."""
        write_text(self.path / runs.STATUS, word + "\n")

    def note(self, line: dict[str, Any]) -> None:
        """Append a line to the history."""
        with (self.path / runs.HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


@contextmanager
def open_run(path: Path) -> Iterator[RunFolder]:
    """A run folder whose status is right however the block ends.

    Ctrl-C and SIGTERM leave it `partial` and raise Interrupted.
    """
    run = RunFolder(path)
    run.status("running")
    try:
        yield run
    except KeyboardInterrupt:
        run.status("partial")
        raise Interrupted(f"{path}: interrupted; what was finished is kept", "ftkit train again") from None
    except OSError as error:
        run.status("failed")
        raise os_error(error, f"writing {path}") from error
    except BaseException:
        run.status("failed")
        raise
    run.status("complete")


@dataclass
class Clock:
    """Seconds by phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time of a block to a phase."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def total(self) -> dict[str, float]:
        """All phases, and their sum."""
        return {**self.seconds, "total": sum(self.seconds.values())}
