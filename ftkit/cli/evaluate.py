"""Score runs on other data, leaving out rows that they were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ftkit.cli._options import File
from ftkit.cli._trail import Trail
from ftkit.console import console


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders.")], file: File, trail: Trail
) -> None:
    """Example: ftkit evaluate runs/reviews-1 runs/reviews-2 held_out.csv"""
    from ftkit.verbs import listing

    listing.must_be_runs(runs)
    trail.read(*(run / "report.json" for run in runs), file)
    from ftkit.reports import text
    from ftkit.verbs import evaluating  # brings torch, which a wrong path need not wait for

    found = evaluating.evaluate(runs, file)
    trail.wrote(*(run / "evaluations" for run in runs))
    lines = [line for document in found for line in text.summary_lines(document)]
    console.result("\n".join(lines), {"evaluations": found})
    console.next(f"ftkit predict {runs[0]} FILE")
