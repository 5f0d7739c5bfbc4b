"""Fine-tune once: a run folder with the adapter, its predictions and a report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from ftkit.cli._options import Changes, Force, Target, where
from ftkit.cli._trail import Trail
from ftkit.console import console

Out = Annotated[Path | None, where("runs/<file>-<n>")]


def command(target: Target, changes: Changes, trail: Trail, out: Out = None, force: Force = False) -> None:
    """Example: ftkit train reviews.csv --label stars --out runs/reviews"""
    from ftkit.verbs import starting

    trail.read(target)
    recipe = starting.recipe_for(target, changes)
    trail.read(*starting.sources(target, recipe))
    folder, report = starting.carry_out(recipe, target, out, force, trail.command)
    trail.wrote(folder)
    from ftkit.reports import text  # a faulty recipe need not wait for it

    console.result("\n".join(text.summary_lines(report)), report)
    console.say(f"report: {folder / 'report.html'}")
    console.next(f"ftkit predict {shlex.quote(str(folder))} FILE")
