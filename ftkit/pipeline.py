"""What happens when ftkit trains: recipe → splits → base + task + method → fit → predictions → report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftkit import environment, privacy
from ftkit.data.prepare import prepare
from ftkit.data.splits import used_only
from ftkit.features import processor
from ftkit.models.assembly import assemble
from ftkit.models.delivery import weight_of
from ftkit.recipe import Recipe
from ftkit.runs.document import cost_of, report_on
from ftkit.runs.folder import Clock, open_run, refuse_small_disk
from ftkit.runs.frames import predictions_of
from ftkit.runs.masking import mask_of
from ftkit.runs.origin import origin_of
from ftkit.runs.saving import save, save_profile
from ftkit.training.deciding import decided
from ftkit.training.encoding import encode
from ftkit.training.fitting import fit
from ftkit.training.profiling import Measured, Profile


def run(
    recipe: Recipe, claim: Callable[[], Path], command: str = "", profile: bool = False
) -> tuple[Path, dict[str, Any]]:
    """Carry out a recipe; returns the run folder and its report.

    `claim` makes the empty folder. It is asked for one only when recipe, data and base have been
    found right, so that a faulty input neither leaves a folder behind nor replaces an earlier run.
    Raises InputError for those faults, and FtkitError where training fails: `status` then says so.
    """
    environment.refuse_many_processes()
    privacy.hide(recipe.report.rows == "hide")
    clock = Clock()
    with clock.phase("read"):
        recipe, splits = prepare(recipe)
        splits = used_only(splits)
        recipe, mask = decided(recipe, splits), mask_of(splits.rows.labels)
    with clock.phase("load"):
        model = assemble(recipe)
    recipe = recipe.replace({"train.threads": processor.threads(recipe.train.threads, model.network.width)})
    with processor.used(recipe.train.threads):
        with clock.phase("load"):
            prepared = encode(recipe, splits, model)
        folder = claim()
        refuse_small_disk(folder, weight_of(model.network, recipe.seeds))
        with open_run(folder, origin_of(recipe, splits, model.base)) as kept:
            kept.recipe(recipe)
            watched = Measured() if profile else Profile()
            outcome = fit(recipe, prepared, model, kept, clock, watched)
            with clock.phase("scores"):
                predictions = predictions_of(outcome, mask)
                report = report_on(outcome, predictions, mask, kept.path.name, command)
            report["cost"] = cost_of(outcome, clock, kept)
            with clock.phase("save"):
                save(outcome, predictions, report, mask, kept)
            if isinstance(watched, Measured):
                save_profile(watched, outcome, clock, kept)
    return kept.path, report
