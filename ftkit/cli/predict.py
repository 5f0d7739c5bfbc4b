"""Label new rows: the same table with the predictions beside it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ftkit.cli._options import File, Force, Reading, where
from ftkit.cli._trail import Trail
from ftkit.console import console

Out = Annotated[Path | None, where("<file>.predicted.<type>")]


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN-or-BANK", help="A run or a bank.")],
    file: File,
    changes: Reading,
    trail: Trail,
    out: Out = None,
    force: Force = False,
    scores: Annotated[bool, typer.Option("--scores", help="Add a column of probability for each label.")] = False,
    calibrated: Annotated[
        bool, typer.Option("--calibrated", help="Confidences divided by the run's temperature.")
    ] = False,
) -> None:
    """Example: ftkit predict runs/reviews-1 new.csv --out labelled.csv"""
    from ftkit.folders import is_bank
    from ftkit.verbs import listing, naming

    if not (bank := is_bank(run)):
        listing.must_be_runs([run])
    trail.read(run / "report.json", file)
    wanted = naming.predictions_file(file, out, force)
    from ftkit.verbs import banking, predicting  # brings torch, which a wrong path need not wait for

    label = banking.predict if bank else predicting.predict
    written = label(run, file, wanted, scores, changes, calibrated)
    trail.wrote(written)
    console.result(f"predictions: {written}", {"predictions": str(written)})
    told = ("bank show", "GROUP") if bank else ("evaluate", "FILE, on rows with labels")
    console.next(f"ftkit {told[0]} {shlex.quote(str(run))} {told[1]}")
