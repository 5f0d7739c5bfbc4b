"""What happens when ftkit trains: recipe → splits → base + task + method → fit → predictions → report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftkit import privacy
from ftkit.data.prepare import prepare
from ftkit.models.assembly import assemble
from ftkit.recipe import Recipe
from ftkit.reports.document import report_on
from ftkit.reports.frames import predictions_of
from ftkit.reports.masking import mask_of
from ftkit.reports.saving import save
from ftkit.runs import Clock, open_run
from ftkit.training.fitting import fit


def run(recipe: Recipe, folder: Path, command: str = "") -> dict[str, Any]:
    """Carry out a recipe in a fresh folder; returns the report, which the folder also holds.

    Raises InputError (nothing is left behind) where recipe or data are wrong, and FtkitError where
    training fails; the folder's `status` then says so.
    """
    privacy.hide(recipe.report.rows == "hide")
    clock = Clock()
    with open_run(folder) as kept:
        with clock.phase("read"):
            recipe, splits = prepare(recipe)
        with clock.phase("load"):
            model = assemble(recipe)
        outcome = fit(recipe, splits, model, kept, clock)
        with clock.phase("report"):
            mask = mask_of(splits.rows.labels)
            predictions = predictions_of(outcome, mask)
            report = report_on(outcome, predictions, mask, clock, folder.name, command)
            save(outcome, predictions, report, mask, kept)
    return report
