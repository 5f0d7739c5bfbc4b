"""A run under way: its folder, its status, its history and its clock."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import locks, runs
from ftkit.console import console
from ftkit.errors import FtkitError, Interrupted
from ftkit.files import as_line, os_error, sweep, system_error, write_text
from ftkit.folders import state
from ftkit.runs import origin

if TYPE_CHECKING:
    from ftkit.recipe import Recipe


@dataclass
class RunFolder:
    """The folder of a run under way. `status` says `running`, then how it ended."""

    path: Path
    begun: dict[str, Any] = field(default_factory=dict)
    """see `ftkit.runs.origin`"""
    opened: float = field(default_factory=time.time)
    """seconds since 1970"""
    vanished: bool = False
    """whether an earlier attempt ended without a word, as a process does that is killed"""

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

    def recipe(self, recipe: Recipe) -> None:
        """Keep the recipe, from the start: an interrupted run goes on with it."""
        header = "what could be settled before training is settled: a rerun repeats the run"
        write_text(self.path / runs.RECIPE, recipe.to_yaml(header))

    def remember(self, key: str, value: Any) -> None:
        """Keep something that the next attempt must know, should this one be killed."""
        if self.begun.get(key) != value:
            self.begun[key] = value
            origin.write(self.path, self.begun)

    def trained_on(self, features: str) -> None:
        """Keep the hash of the features, or say that they are others than those of an earlier attempt."""
        known = self.begun.get("features")
        if known is None:
            self.remember("features", features)
        elif known != features:
            console.warn("features differ in their last bits: the result will equal that of one go up to rounding")

    def note(self, line: dict[str, Any]) -> None:
        """Append a line to the history."""
        with (self.path / runs.HISTORY).open("a", encoding="utf-8") as file:
            file.write(as_line(line) + "\n")


def refuse_small_disk(path: Path, needed: int) -> None:
    """See to it that the disk of an empty run folder takes what training will leave there, before it takes any time.

    `needed` are bytes. Raises FtkitError, and removes the folder, where the disk has less left.
    """
    try:
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise os_error(error, f"looking at {path}") from error
    if needed <= free:
        return
    with suppress(OSError):  # a run that is taken up holds something, and stays
        path.rmdir()
    what = f"{path}: what is trained takes {needed / 2**20:,.0f} MiB, and its disk has {free / 2**20:,.0f} left"
    raise FtkitError(what, "free some space (df -h shows it), another --out, or --method lora, which keeps less")


@contextmanager
def open_run(path: Path, begun: Mapping[str, Any], verb: str = "train") -> Iterator[RunFolder]:
    """A run folder whose status is right however the block ends; a run that did not end well is taken up again.

    `begun` is what the run begins with, `verb` the command that goes on with it. Ctrl-C and SIGTERM leave
    the run `partial` and raise Interrupted. Raises InputError where another process is at it, or something has
    changed since.
    """
    fresh = not (path / runs.CHECKPOINTS).exists()
    run = RunFolder(path, vanished=not fresh and state(path) == "running")
    if fresh:
        _begin(run)
    with locks.alone(path, path / runs.CHECKPOINTS / ".lock", "training"):
        sweep(path)
        try:
            run.begun = origin.begin(path, begun)
            run.status("running")
            (path / runs.HISTORY).unlink(missing_ok=True)  # its lines come back from the checkpoints
        except FtkitError:
            if fresh:
                run.ended("failed")
            raise
        again = f"ftkit {verb} {shlex.quote(str(path))} --resume"
        try:
            yield run
            run.status("complete")
        except KeyboardInterrupt:
            run.ended("partial")
            raise Interrupted(f"{path}: interrupted before it was complete", f"{again} goes on from here") from None
        except BaseException as error:
            run.ended("failed")
            if (refused := system_error(error)) is not None:
                known = os_error(refused, f"writing {path}")
                known.hint = f"{known.hint}; then {again}" if known.hint else again
                raise known from error
            raise
        shutil.rmtree(path / runs.CHECKPOINTS, ignore_errors=True)  # nothing is left to take up


def _begin(run: RunFolder) -> None:
    """The status comes first: whatever happens next, the folder is known for a run."""
    try:
        run.status("running")
    except FtkitError:
        with suppress(OSError):  # an empty folder without a status would be nothing to anybody
            run.path.rmdir()
        raise


@dataclass
class Clock:
    """Seconds by phase."""

    seconds: dict[str, float] = field(default_factory=dict)
    _inside: float = 0.0
    """seconds of the phases inside the one under way"""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time of a block to a phase, without that of phases inside it."""
        start = time.perf_counter()
        outside, self._inside = self._inside, 0.0
        try:
            yield
        finally:
            took = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took - self._inside
            self._inside = outside + took

    def total(self) -> dict[str, float]:
        """All phases, and their sum."""
        return {**self.seconds, "total": sum(self.seconds.values())}
