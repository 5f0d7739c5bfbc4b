"""Score finished runs on other data, leaving out rows that they were trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import privacy
from ftkit.console import console
from ftkit.errors import InputError

if TYPE_CHECKING:
    from ftkit.runs.kept import Place
    from ftkit.verbs.scoring import Prepared

Pair = tuple[Path, str]
"""a run, and data as the user named them"""
Outcome = dict[str, Any] | InputError
"""the report of an evaluation, without `scores` where the run was trained on all rows; or why there is none"""


def evaluate(
    folders: Sequence[Path], data: str | Sequence[str], changes: Sequence[tuple[str, str]] = ()
) -> list[dict[str, Any]]:
    """A report for each run on each file, file by file; it and the predictions are kept in `RUN/evaluations/`.

    What is kept there already is read. `data` are files, folders of texts or hub ids; `changes` are
    (dotted key, YAML) of how they are read. Raises InputError, before anything is computed, where data lack a
    run's columns, or hold only rows that it was trained on.
    """
    found = attempt(folders, [data] if isinstance(data, str) else data, changes, strict=True)
    return [report for report in found.values() if not isinstance(report, InputError)]


def attempt(
    folders: Sequence[Path], data: Sequence[str], changes: Sequence[tuple[str, str]] = (), strict: bool = False
) -> dict[Pair, Outcome]:
    """The outcome of each run on each file, file by file.

    Raises InputError, before anything is computed, for what is no finished run and for data that no run
    can read; if `strict`, for every pair that cannot be scored.
    """
    places = _places(folders, data, changes)
    found: dict[Pair, Outcome] = {}
    missing: dict[Pair, Place] = {}
    for pair, place in places.items():
        if isinstance(place, InputError):
            found[pair] = place
        elif (report := place.find()) is not None:
            found[pair] = report
        else:
            missing[pair] = place
    if kept := sum(not isinstance(one, InputError) for one in found.values()):
        console.say(f"{kept} of {len(places)} evaluations are kept in the runs' folders: read, not computed")
    if not missing:
        _refuse(found, strict)
        return found
    from ftkit.verbs import scoring  # brings torch, which kept evaluations do without

    prepared = scoring.prepare(missing)
    _refuse({**found, **prepared}, strict)
    found |= {pair: one for pair, one in prepared.items() if isinstance(one, InputError)}
    found |= scoring.carry_out({pair: one for pair, one in prepared.items() if not isinstance(one, InputError)})
    return {pair: found[pair] for pair in places}


def _places(
    folders: Sequence[Path], data: Sequence[str], changes: Sequence[tuple[str, str]]
) -> dict[Pair, Place | InputError]:
    """Where each evaluation belongs; rows are hidden from here on if those of any run are."""
    from ftkit.bases import runs
    from ftkit.recipe import read
    from ftkit.runs.kept import Place, content_of
    from ftkit.verbs.reading import reread

    recipes = {}
    for folder in folders:
        runs.base_name(folder, str(folder))  # refuses what is no finished run
        recipes[folder] = reread(read(folder / "recipe.yaml"), changes)
    privacy.hide(any(recipe.report.rows == "hide" for recipe in recipes.values()))
    places: dict[Pair, Place | InputError] = {}
    for one in dict.fromkeys(data):
        content = ""
        for folder, recipe in recipes.items():
            try:
                content = content or content_of(one, recipe.data)
                places[folder, one] = Place(folder, one, content, recipe)
            except InputError as error:
                places[folder, one] = error
    return places


def _refuse(outcomes: Mapping[Pair, Outcome | Prepared], strict: bool) -> None:
    """Raise the first error of data that no run can read, or if `strict` the first of all."""
    for _, one in outcomes:
        mine = {run: outcome for (run, data), outcome in outcomes.items() if data == one}
        wrong = [outcome for outcome in mine.values() if isinstance(outcome, InputError)]
        if wrong and (strict or len(wrong) == len(mine)):
            raise wrong[0]
        for run, outcome in mine.items() if strict else ():
            scored, trained = _rows(outcome)
            if not scored:
                message = f"{one}: {run} was trained on all of its {trained} usable rows"
                raise InputError(message, "give other rows")


def _rows(outcome: Outcome | Prepared) -> tuple[int, int]:
    """Rows to be scored, and rows that the run was trained on."""
    if isinstance(outcome, InputError):
        return 0, 0
    if isinstance(outcome, dict):
        return int(outcome["rows"]), int(outcome["left_out"])
    return int((~outcome.seen).sum()), int(outcome.seen.sum())
