"""The one mouth: results go to stdout, progress and hints to stderr.

`--json` turns stdout into one JSON document and `--quiet` silences everything but results and
errors. Nothing is computed here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TextIO

EVERY = 10.0  # seconds between lines of progress in a log
Mode = Literal["human", "json", "quiet"]


Said = tuple[Literal["say", "warn"], str]
"""how, and what"""


class Progress(Protocol):
    """A running count; `update` may carry a short status such as the loss."""

    def update(self, done: int, status: str = "") -> None: ...


@dataclass
class Console:
    """What the process says, and how loudly."""

    mode: Mode = "human"
    _heard: list[Said] | None = None
    """what is said, where somebody else is to say it"""

    def say(self, text: str) -> None:
        """Tell a person what happens (stderr)."""
        if self._heard is not None:
            self._heard.append(("say", text))
        elif self.mode == "human":
            _write(sys.stderr, text + "\n")

    def warn(self, text: str) -> None:
        """Tell a person, also under `--quiet`, what they would regret not knowing (stderr)."""
        if self._heard is not None:
            self._heard.append(("warn", text))
        else:
            _write(sys.stderr, f"warning: {text}\n")

    @contextmanager
    def heard(self) -> Iterator[list[Said]]:
        """What is said within the block, for another process to `repeat`; this one stays silent."""
        self._heard = []
        try:
            yield self._heard
        finally:
            self._heard = None

    def repeat(self, said: Said) -> None:
        """Say what another process has said."""
        (self.say if said[0] == "say" else self.warn)(said[1])

    def error(self, message: str, hint: str = "") -> None:
        """The last thing that a failing command says (stderr)."""
        _write(sys.stderr, f"error: {message}\n" + (f"  → {hint}\n" if hint else ""))

    def trace(self, text: str) -> None:
        """A traceback, which only `--debug` asks for (stderr)."""
        _write(sys.stderr, text)

    def result(self, text: str, document: Any) -> None:
        """The answer of a verb: `text` for people, or `document` as JSON (stdout)."""
        if self.mode == "json":
            from ftkit.files import as_json

            text = as_json(document)
        _write(sys.stdout, text + "\n")

    def next(self, command: str) -> None:
        """Every verb ends by naming the next command."""
        self.say(f"next: {command}")

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Progress]:
        """A bar with rows per second and time left; in a log, a line now and then."""
        if self.mode != "human" or self._heard is not None:
            yield _Silent()
            return
        if not sys.stderr.isatty():
            yield _Lines(self, what, total)
            return
        from rich.console import Console as Rich
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}", markup=False),
        )
        with Bar(*columns, console=Rich(stderr=True)) as bar:
            yield _Rich(bar, bar.add_task(what, total=total, status=""))


def _write(stream: TextIO, text: str) -> None:
    """Write and flush; a sign that the stream's encoding lacks is written as its escape, not as an error."""
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "utf-8"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        if stream is not sys.stderr:  # a closed log must not end a run; a result that nobody reads does
            raise


class _Silent:
    def update(self, done: int, status: str = "") -> None:
        """Nobody watches."""


class _Lines:
    """Progress for a log: a line every `EVERY` seconds, none for work that is done sooner."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        self.console, self.what, self.total = console, what, total
        self.started = self.said = time.monotonic()

    def update(self, done: int, status: str = "") -> None:
        now = time.monotonic()
        if now - self.said < EVERY or not done:
            return
        self.said = now
        left = (now - self.started) * max(0, self.total - done) / done
        words = f"{self.what}: {done:,} of {self.total:,}, about {_long(left)} left"
        self.console.say(f"{words} ({status})" if status else words)


def _long(seconds: float) -> str:
    """`90 s`, `33 min`, `2 h 05 min`."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


class _Rich:
    def __init__(self, bar: Any, task: Any) -> None:
        self.bar, self.task = bar, task

    def update(self, done: int, status: str = "") -> None:
        self.bar.update(self.task, completed=done, status=status)


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Left-aligned columns in plain text, readable in a log and with a screen reader."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(header))]
    lines = ["  ".join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    from unicodedata import east_asian_width

    return len(text) if text.isascii() else sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


console = Console()
