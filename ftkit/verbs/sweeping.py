"""Sweeps: from `--vary` to a folder of runs, and on with one that was begun."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import environment, files, folders, privacy, runs
from ftkit.console import console
from ftkit.errors import Fault, Faults, InputError
from ftkit.search import combinations, formats, sweep
from ftkit.search.combinations import Combination
from ftkit.search.gathering import gather
from ftkit.search.sweep import Planned, Sweep
from ftkit.search.table import tabulate
from ftkit.verbs import naming, starting

if TYPE_CHECKING:
    from ftkit.recipe import Recipe


def begin(
    target: str,
    changes: list[starting.Change],
    vary: Sequence[str],
    most: int,
    out: Path | None,
    force: bool,
    resume: bool,
    command: str,
) -> Sweep:
    """Check every combination and its data, then make the folder of the sweep, or take up the one in `out`.

    Raises Faults with what is wrong with any combination, before anything is trained.
    """
    environment.refuse_many_processes()
    if resume and (out is None or force):
        hint = "name its folder with --out, and leave out --force: it would delete what was trained"
        raise InputError("--resume: which sweep?", hint)
    begun = sweep.read(out) if resume and out and folders.is_sweep(out) else None
    if begun is None:
        folders.refuse_taken(out, force)
    chosen = combinations.combine(combinations.parse(vary, [key for key, _ in changes]), most)
    recipes = _checked(target, changes, chosen)
    planned = tuple(Planned(one.name, one.values, recipe) for one, recipe in zip(chosen, recipes, strict=True))
    data = _read(planned)
    if begun is None:
        asked = Sweep(folders.new_run_folder(out, naming.run_stem(target, recipes[0]), force), planned, data)
        sweep.write(asked, command)
        return asked
    asked = Sweep(begun.folder, planned, data)
    if faults := sweep.differences(begun, asked):
        raise Faults(faults)
    return asked


def reopen(folder: Path, plain: bool) -> Sweep:
    """The sweep in a folder; `plain` where nothing else was asked for, since it goes on as it was planned."""
    environment.refuse_many_processes()
    if not plain:
        raise InputError(f"{folder}: a sweep goes on as it was begun", f"ftkit train {_quoted(folder)} --resume")
    found = sweep.read(folder)
    if any(run.recipe.report.rows == "hide" for run in found.runs):
        privacy.hide(True)
    if faults := sweep.changed(found, _read(found.left())):
        raise Faults(faults)
    return found


def carry_out(found: Sweep, command: str) -> None:
    """Train every run that is not complete; Interrupted says how to go on."""

    def train(run: Planned, path: Path) -> None:
        (path / runs.ERROR).unlink(missing_ok=True)
        if (path / runs.CHECKPOINTS).is_dir() and (path / runs.RECIPE).is_file():
            _, report = starting.resume(path, _decided(path), command)
        else:
            _, report = starting.carry_out(run.recipe, found.folder.name, path, path.exists(), command)
        from ftkit.reports import words

        score = words.primary_score(report["scores"]["test"], report["primary"])
        console.say(f"{report['primary']} {words.score(score['value'])}")

    sweep.carry_out(found, train)


def outcome(found: Sweep) -> tuple[str, dict[str, Any], int]:
    """What a sweep that is through found: for people, as a document, and the exit code; `sweep.html` shows it too."""
    failed, gathered = found.failed(), gather(found.folder)
    table = tabulate(gathered)
    said = f"{len(found.runs) - len(failed)} of {len(found.runs)} runs are complete"
    lines = [formats.terminal(table), "", f"{said}, {len(failed)} failed:" if failed else said]
    for why in dict.fromkeys(failed.values()):
        lines.append(f"  {sweep.some([name for name, known in failed.items() if known == why], 2)}: {sweep.cut(why)}")
    scores = {entry.name: entry.scores for entry in gathered.entries}
    listed = [
        {"name": run.name, "values": run.values, "status": folders.state(found.path(run))}
        | {"scores": scores.get(run.name, {}), "error": failed.get(run.name)}
        for run in found.runs
    ]
    document = {"sweep": str(found.folder), "runs": listed, "failed": len(failed), "table": formats.document(table)}
    _draw(found, formats.grid(table), document)
    return "\n".join(lines), document, int(len(failed) == len(found.runs))


def _draw(found: Sweep, grid: list[list[str]], document: dict[str, Any]) -> None:
    from ftkit.reports.sweep import render_sweep

    shown = {run.name: [combinations.spelled(value) for value in run.values.values()] for run in found.runs}
    files.write_text(found.folder / runs.SWEEP_PAGE, render_sweep(found.folder.name, grid, shown, document))


def sources(target: str, found: Sweep) -> list[str]:
    """Files that a sweep stands for: its recipe, and its data."""
    begun = folders.is_sweep(Path(target))
    path = Path(target) / folders.SWEEP if begun else starting.recipe_file(target)
    return [*([str(path)] if path else []), *found.files]


def _checked(target: str, changes: list[starting.Change], chosen: Sequence[Combination]) -> list[Recipe]:
    """The recipe of every combination; Faults with what is wrong with any of them, each told once."""
    inferred: dict[Any, Recipe] = {}
    recipes: list[Recipe] = []
    found: list[tuple[int, Fault]] = []
    for place, one in enumerate(chosen):
        try:
            recipes.append(_recipe(target, changes, one, inferred))
        except InputError as error:
            found += ((place, fault) for fault in _faults(error))
    everyone = [one.values for one in chosen]
    found = [*_revealing(recipes, everyone)] or found or [*_repeated(recipes, everyone)]
    if found:
        raise Faults(combinations.merged(found, everyone))
    return recipes


def _recipe(target: str, changes: list[starting.Change], one: Combination, inferred: dict[Any, Recipe]) -> Recipe:
    """One recipe; what has to be inferred from data is inferred once for each way to read it."""
    wanted = [*changes, *one.changes]
    if starting.recipe_file(target) is not None:
        return starting.recipe_for(target, wanted)
    from ftkit.recipe import parse
    from ftkit.verbs.inferring import METHOD

    train = one.values.get("data.train", target)
    seen = tuple(change for change in one.changes if change[0].partition(".")[0] in ("data", "task"))
    if seen not in inferred:
        inferred[seen] = starting.recipe_for(train if isinstance(train, str) else target, wanted)
        return inferred[seen]
    known = inferred[seen].dump()
    return parse({key: known[key] for key in ("base", "task", "data")} | {"method": {"name": METHOD}}, wanted)


def _faults(error: InputError) -> tuple[Fault, ...]:
    return error.faults if isinstance(error, Faults) else (Fault("", error.message, error.hint),)


def _repeated(recipes: Sequence[Recipe], everyone: Sequence[Any]) -> Iterator[tuple[int, Fault]]:
    """Combinations that are one recipe, as `a.csv` and `./a.csv` are."""
    first: dict[str, int] = {}
    for place, recipe in enumerate(recipes):
        same = first.setdefault(files.as_line(recipe.dump()), place)
        if same != place:
            named = combinations.named(everyone[same])
            yield place, Fault("", f"the recipe is the same as with {named}", "vary something that makes a difference")


def _revealing(recipes: Sequence[Recipe], everyone: Sequence[Any]) -> Iterator[tuple[int, Fault]]:
    """What must not be varied: values are told aloud, and name folders."""
    hidden = privacy.hidden() or any(recipe.report.rows == "hide" for recipe in recipes)
    for place, values in enumerate(everyone):
        if "report.rows" in values or "report" in values:
            yield place, Fault("", "report.rows: cannot be varied", "--set report.rows=hide, for all runs")
        if hidden and any(key.startswith("data.label_map") for key in values):
            yield place, Fault("", "data.label_map: cannot be varied where rows are hidden", "it holds labels")


def _read(planned: Sequence[Planned]) -> dict[str, str]:
    """Read the data of each recipe, so that faults are known before anything is trained; file: sha256."""
    from ftkit.data.prepare import prepare

    read: dict[str, str] = {}
    found: list[tuple[int, Fault]] = []
    known: dict[str, tuple[Fault, ...]] = {}
    for place, run in enumerate(planned):
        tree = run.recipe.dump()
        data = files.as_line([tree["task"], tree["data"], tree["evaluate"]["slices"]])
        if data not in known:
            try:
                read |= prepare(run.recipe)[1].report.files
                known[data] = ()
            except InputError as error:
                known[data] = _faults(error)
        found += ((place, fault) for fault in known[data])
    if found:
        raise Faults(combinations.merged(found, [run.values for run in planned]))
    return read


def _decided(path: Path) -> Recipe:
    """The recipe of a run that was begun, with what it had decided."""
    from ftkit.recipe import read

    return read(path / runs.RECIPE)


def _quoted(folder: Path) -> str:
    return shlex.quote(str(folder))
