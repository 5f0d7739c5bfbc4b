"""Say which of several runs is better, and whether anyone can tell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from ftkit.cli import _bank, _tending
from ftkit.cli._comparing import On, Question, Runs
from ftkit.cli._options import Force, Reading, where
from ftkit.cli._trail import Trail
from ftkit.console import console
from ftkit.errors import GateError

Out = Annotated[Path | None, where("comparisons/<n>")]


def command(
    runs: Runs, question: Question, changes: Reading, trail: Trail, on: On = None, out: Out = None, force: Force = False
) -> int:
    """Example: ftkit compare runs/reviews-1 runs/reviews-2 --require not-worse --margin 0.01"""
    from ftkit.folders import is_bank, refuse_uncompared

    if len(runs) == 1 and is_bank(bank := Path(runs[0])):
        return _bank.compare(bank, trail)
    if len(runs) == 2 and all(is_bank(Path(one)) for one in runs):
        return _tending.compare(runs[0], runs[1], question["margin"], question["require"], trail)
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
