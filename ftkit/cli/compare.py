"""Say which of several runs is better, and whether anyone can tell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ftkit.cli._comparing import Question
from ftkit.cli._options import Force, Reading, where
from ftkit.cli._trail import Trail
from ftkit.console import console
from ftkit.errors import GateError

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN", help="Run folders, the reference first; RUN:linear_probe is its baseline. Or one bank."
    ),
]
On = Annotated[
    list[str] | None, typer.Option("--on", metavar="FILE", help="Score every run on other data, too; repeatable.")
]
Out = Annotated[Path | None, where("comparisons/<n>")]


def command(
    runs: Runs, question: Question, changes: Reading, trail: Trail, on: On = None, out: Out = None, force: Force = False
) -> int:
    """Example: ftkit compare runs/reviews-1 runs/reviews-2 --require not-worse --margin 0.01"""
    from ftkit.files import is_bank, refuse_uncompared

    if len(runs) == 1 and is_bank(Path(runs[0])):
        return _bank(Path(runs[0]), trail)
    from ftkit.reports import comparison_text
    from ftkit.verbs import comparing

    refuse_uncompared(out, force, comparing.DOCUMENT)
    found = comparing.compare(runs, command=trail.command, on=on or (), changes=changes, **question)
    trail.read(*(Path(entry["run"]) / "predictions.parquet" for entry in found["entries"]), *(on or ()))
    folder = comparing.write(found, out, force)
    trail.wrote(folder)
    console.result("\n".join(comparison_text.lines(found)), found)
    console.say(f"page: {folder / comparing.PAGE}")
    if found["gate"] is not None and not found["gate"]["met"]:
        console.error(comparing.gate_line(found["gate"]))
        return GateError.code
    console.next(f"ftkit predict {shlex.quote(comparison_text.best_run(found))} FILE")
    return 0


def _bank(folder: Path, trail: Trail) -> int:
    """A bank by itself: its groups against its general adapter."""
    from ftkit.reports import bank_text
    from ftkit.verbs import banking

    report = banking.compared(folder)
    trail.read(folder / "report.json")
    console.result("\n".join(bank_text.summary(report)), report)
    console.say(f"page: {banking.page(folder)}")
    console.next(f"ftkit bank ls {shlex.quote(str(folder))}")
    return 0
