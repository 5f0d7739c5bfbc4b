"""What `ftkit train` does where recipe keys are varied: the options, and the way through a sweep."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ftkit import folders, runs
from ftkit.cli._options import Shared
from ftkit.cli._trail import Trail
from ftkit.console import console


@dataclass(frozen=True)
class Asked:
    """What was asked to be varied, and how many runs that may come to."""

    items: list[str]
    most: int

    def means_several(self, target: str) -> bool:
        """Whether the command is about a sweep: a new one, or the one that lies at the target."""
        return bool(self.items) or folders.is_sweep(Path(target))


def varied(
    vary: Annotated[
        list[str] | None, typer.Option("--vary", metavar="KEY=A,B", help="One run for each value; may be repeated.")
    ] = None,
    max_runs: Annotated[int, typer.Option(min=1, metavar="N", help="How many runs --vary may ask for.")] = 200,
) -> Asked:
    """The options that make a command a sweep."""
    return Asked(vary or [], max_runs)


Vary = Annotated[Asked, Shared(varied)]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run, or a sweep, that was not finished.")]


def several(
    target: str,
    changes: list[tuple[str, str]],
    vary: Asked,
    trail: Trail,
    out: Path | None,
    force: bool,
    resume: bool,
) -> int:
    """Train every combination, and show the table; fails where all of them did."""
    from ftkit.verbs import sweeping

    if folders.is_sweep(Path(target)):
        sweep = sweeping.reopen(Path(target), resume and not (changes or vary.items or out or force))
    else:
        sweep = sweeping.begin(target, changes, vary.items, vary.most, out, force, resume, trail.command)
    trail.read(*sweeping.sources(target, sweep))
    sweeping.carry_out(sweep, trail.command)
    text, document, code = sweeping.outcome(sweep)
    trail.wrote(sweep.folder)
    console.result(text, document)
    console.say(f"page: {sweep.folder / runs.SWEEP_PAGE}")
    console.next(f"ftkit list {shlex.quote(str(sweep.folder))} --table md")
    return code
