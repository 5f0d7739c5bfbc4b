"""Score runs on other data, leaving out rows that they were trained on."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ftkit.cli import _tending
from ftkit.cli._options import File, Reading
from ftkit.cli._trail import Trail
from ftkit.console import console

On = Annotated[list[str] | None, typer.Option("--on", metavar="FILE", help="Another table; may be repeated.")]


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders, or one bank.")],
    file: File,
    changes: Reading,
    trail: Trail,
    on: On = None,
) -> None:
    """Example: ftkit evaluate runs/reviews-1 runs/reviews-2 held_out.csv"""
    from ftkit.folders import is_bank
    from ftkit.verbs import listing

    if len(runs) == 1 and not on and is_bank(runs[0]):
        _tending.evaluate(runs[0], file, changes, trail)
        return
    listing.must_be_runs(runs)
    files = [file, *(on or [])]
    trail.read(*(run / "report.json" for run in runs), *files)
    from ftkit.reports import text
    from ftkit.verbs import evaluating

    found = evaluating.evaluate(runs, files, changes)
    trail.wrote(*(run / "evaluations" for run in runs))
    console.result("\n\n".join("\n".join(text.evaluation_lines(one)) for one in found), {"evaluations": found})
    console.next(f"ftkit predict {shlex.quote(str(runs[0]))} FILE")
