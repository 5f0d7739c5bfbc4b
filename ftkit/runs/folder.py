"""A run under way: its folder, its status, its history and its clock."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftkit import runs
from ftkit.errors import FtkitError, Interrupted
from ftkit.files import as_line, os_error, system_error, write_text


@dataclass
class RunFolder:
    """The folder of a run under way. `status` says `running`, then how it ended."""

    path: Path

    def status(self, word: str) -> None:
        """Write the status file."""
        write_text(self.path / runs.STATUS, word + "\n")

    def ended(self, word: str) -> None:
        """Write how it ended, also where nothing new can be written: a full disk must not leave it `running`."""
        try:
            self.status(word)
        except FtkitError:
            with suppress(OSError), (self.path / runs.STATUS).open("r+", encoding="utf-8") as file:
                file.write(word + "\n")  # over the old word, which takes no more space
                file.truncate()

    def recipe(self, yaml: str) -> None:
        """Keep the recipe from the start, so that an interrupted run can be repeated."""
        write_text(self.path / runs.RECIPE, yaml)

    def note(self, line: dict[str, Any]) -> None:
        """Append a line to the history."""
        with (self.path / runs.HISTORY).open("a", encoding="utf-8") as file:
            file.write(as_line(line) + "\n")


@contextmanager
def open_run(path: Path) -> Iterator[RunFolder]:
    """A run folder whose status is right however the block ends.

    Ctrl-C and SIGTERM leave it `partial` and raise Interrupted.
    """
    run = RunFolder(path)
    try:
        run.status("running")
    except FtkitError:
        with suppress(OSError):  # an empty folder without a status would be nothing to anybody
            path.rmdir()
        raise
    try:
        yield run
        run.status("complete")
    except KeyboardInterrupt:
        run.ended("partial")
        hint = f"run it again; --out {shlex.quote(str(path))} --force puts it in the same folder"
        raise Interrupted(f"{path}: interrupted before it was complete", hint) from None
    except BaseException as error:
        run.ended("failed")
        if (refused := system_error(error)) is not None:
            raise os_error(refused, f"writing {path}") from error
        raise


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
