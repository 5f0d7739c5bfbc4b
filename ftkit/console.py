"""The one mouth: results go to stdout, progress and hints to stderr.

`--json` turns stdout into one JSON document and `--quiet` silences everything but results and
errors. Nothing is computed here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Mode = Literal["human", "json", "quiet"]


class Progress(Protocol):
    """A running count; `update` may carry a short status such as the loss."""

    def update(self, done: int, status: str = "") -> None: ...


@dataclass
class Console:
    """What the process says, and how loudly."""

    mode: Mode = "human"

    def say(self, text: str) -> None:
        """Tell a person what happens (stderr)."""
        if self.mode == "human":
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def warn(self, text: str) -> None:
        """Tell a person, also under `--quiet`, what they would regret not knowing (stderr)."""
        sys.stderr.write(f"warning: {text}\n")
        sys.stderr.flush()

    def error(self, message: str, hint: str = "") -> None:
        """The last thing that a failing command says (stderr)."""
        sys.stderr.write(f"error: {message}\n" + (f"  → {hint}\n" if hint else ""))
        sys.stderr.flush()

    def trace(self, text: str) -> None:
        """A traceback, which only `--debug` asks for (stderr)."""
        sys.stderr.write(text)
        sys.stderr.flush()

    def result(self, text: str, document: Any) -> None:
        """The answer of a verb: `text` for people, or `document` as JSON (stdout)."""
        if self.mode == "json":
            text = json.dumps(document, ensure_ascii=False, indent=2, default=str, allow_nan=False)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def next(self, command: str) -> None:
        """Every verb ends by naming the next command."""
        self.say(f"next: {command}")

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Progress]:
        """A bar with rows per second and time left; silent unless a person is watching."""
        if self.mode != "human":
            yield _Silent()
            return
        from rich.console import Console as Rich
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
        )
        with Bar(*columns, console=Rich(stderr=True), transient=not sys.stderr.isatty()) as bar:
            yield _Rich(bar, bar.add_task(what, total=total, status=""))


class _Silent:
    def update(self, done: int, status: str = "") -> None:
        """Nobody watches."""


class _Rich:
    def __init__(self, bar: Any, task: Any) -> None:
        self.bar, self.task = bar, task

    def update(self, done: int, status: str = "") -> None:
        self.bar.update(self.task, completed=done, status=status)


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Left-aligned columns in plain text, readable in a log and with a screen reader."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


console = Console()
