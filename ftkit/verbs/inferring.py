"""From a table alone to a recipe: which task, which columns, and everything else at its default."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import privacy, registry
from ftkit.console import console
from ftkit.errors import Faults, InputError
from ftkit.recipe import Recipe, parse
from ftkit.recipe.changes import changed
from ftkit.recipe.paths import anchor

if TYPE_CHECKING:
    from ftkit.data.table import Table
    from ftkit.tasks import Guess, Task

METHOD = "lora"
"""the method of a recipe that names none"""
SCRATCH_METHOD = "full"
"""the same for random weights"""


def infer(target: str, changes: list[tuple[str, str]]) -> Recipe:
    """A recipe for the data, honouring what the changes already say; what was inferred is told.

    Raises InputError that lists the columns where one cannot be chosen.
    """
    start: dict[str, Any] = {"data": {"train": target}, "method": {"name": METHOD}}
    anchor(start, Path.cwd())
    draft = _draft(start, changes)
    if draft.report.rows == "hide":
        privacy.hide(True)
    table = _read(draft)
    asked = changed(start, changes).get("task", {})
    name, guess = _recognised(table, asked.get("name"))
    given = {key: value for key, value in asked.items() if key != "name"}
    _must_exist(parse(start | {"task": {"name": name}}, changes), table)
    kind: type[Task] = registry.load("tasks", name)
    fields = _fields(kind, table, guess, given)
    whole = {"base": kind.default_base} | start | {"task": {"name": name, **fields}}
    recipe = parse(whole, changes)
    if not isinstance(recipe.base, str) and not any(key.partition(".")[0] == "method" for key, _ in changes):
        # random weights hold nothing that a head or low-rank factors could build on
        recipe = parse(whole | {"method": {"name": SCRATCH_METHOD}}, changes)
    _must_be_whole(recipe.task, table)
    _tell(target, table, name, guess, fields | given)
    if not asked.get("name"):
        _tell_others(table, name, recipe.task)
    return recipe


def _draft(start: dict[str, Any], changes: list[tuple[str, str]]) -> Recipe:
    """Everything but the columns, checked before any data is read; with a stand-in where no task is named.

    Raises the Faults of the task that has fewest: to another one, keys of this one would be faults as well.
    """
    several: list[Faults] = []
    for name in registry.names("tasks"):
        try:
            return parse({"base": "-", "task": {"name": name}} | start, changes)
        except Faults as error:
            several.append(error)
    raise min(several, key=lambda faults: len(faults.faults))


def _read(draft: Recipe) -> Table:
    """The first of the training files: it has the columns of all."""
    from ftkit.data.read import read

    train = draft.data.train
    return read(train if isinstance(train, str) else train[0], draft.data)


def _recognised(table: Table, wanted: str | None) -> tuple[str, Guess]:
    """The task that was asked for, else the one that fits best, with what it makes of the table."""
    candidates = [wanted] if wanted else registry.names("tasks")
    kinds: dict[str, type[Task]] = {name: registry.load("tasks", name) for name in candidates}
    guesses = {name: kind.recognise(table) for name, kind in kinds.items()}

    def likely(name: str) -> tuple[float, int, bool]:
        """Where none fits, the task that knows some column of it, or that needs no base to be named."""
        return guesses[name].fit, len(guesses[name].fields), bool(kinds[name].default_base)

    best = max(candidates, key=likely)
    return best, guesses[best]


def _tell_others(table: Table, name: str, task: Task) -> None:
    """How to have another task that takes the same label column."""
    for other in registry.names("tasks"):
        guess: Guess = registry.load("tasks", other).recognise(table)
        if other != name and guess.instead and guess.fields.get("label") == getattr(task, "label", None):
            console.say(f"  {guess.instead}")


def _fields(kind: type[Task], table: Table, guess: Guess, given: dict[str, Any]) -> dict[str, Any]:
    """The guessed columns that do not contradict the given ones; a second look finds what stands in for them."""
    taken = {column for value in given.values() for column in _several(value)}
    fields = {key: value for key, value in guess.fields.items() if key not in given}
    if not any(taken & set(_several(value)) for value in fields.values()):
        return fields
    rest = table.frame.drop(columns=[column for column in taken if column in table.frame])
    again = kind.recognise(dataclasses.replace(table, frame=rest)).fields
    fields = {key: again.get(key) if taken & set(_several(value)) else value for key, value in fields.items()}
    return {key: value for key, value in fields.items() if value is not None}


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _must_exist(recipe: Recipe, table: Table) -> None:
    from ftkit.data import columns

    if faults := columns.missing(table, columns.wanted(recipe)):
        raise Faults(faults)


def _must_be_whole(task: Task, table: Table) -> None:
    missing = [key.rpartition(".")[2] for key, names in task.columns().items() if "auto" in names]
    if missing:
        columns = ", ".join(str(column) for column in table.frame.columns)
        message = f"{table.source}: which column is the {' and which the '.join(missing)}? It has {columns}"
        raise InputError(message, " ".join(f"--{key} COL" for key in missing))


def _tell(target: str, table: Table, name: str, guess: Guess, fields: dict[str, Any]) -> None:
    """What was read and concluded, so that a wrong guess is seen before anything is trained."""
    columns = ", ".join(str(column) for column in table.frame.columns)
    console.say(f"{target}: {len(table.frame):,} rows; columns {columns}")
    for note in table.notes:
        console.say(f"  {note}")
    private = registry.load("tasks", name).names_labels
    said = (f"{key}: {privacy.shown(value) if key in private else value}" for key, value in fields.items())
    console.say(f"task: {name}; " + "; ".join(said))
    if guess.why and guess.fields == fields:
        console.say(f"  {guess.why}")
