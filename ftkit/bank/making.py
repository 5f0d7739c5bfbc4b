"""What happens when a bank is made: rows → general adapter → one adapter a group → who is promoted → index, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import bank, bases, environment, privacy, runs
from ftkit.bank import document, folder, general, generations, nearest, records, shards, training
from ftkit.bank.folder import BankFolder, Generation
from ftkit.bank.grouping import Folds, groups_of
from ftkit.bank.pinning import Pinned
from ftkit.bank.stage import open_stage
from ftkit.bank.training import Place
from ftkit.data.prepare import prepare
from ftkit.data.splits import used_only
from ftkit.errors import InputError
from ftkit.features import processor
from ftkit.models.assembly import Assembly
from ftkit.recipe import Recipe, read
from ftkit.runs.folder import Clock, RunFolder, open_run
from ftkit.runs.masking import mask_of
from ftkit.runs.origin import origin_of
from ftkit.training.encoding import encode
from ftkit.training.stopping import stoppable

if TYPE_CHECKING:
    from ftkit.data.table import Splits

FOLDS, FEWER_FOLDS = 5, 3
"""of a bank of heads; of one whose groups move weights of the base, where each fold costs an adapter a group"""
EPOCHS, FEWER_EPOCHS = 8, 2
"""passes over a group's rows; where weights of the base move, and a general adapter has moved them nearly there"""
KINDS = ("label", "labels", "values", "tags")
"""of predictions that groups have adapters for"""


def make(recipe: Recipe, claim: Callable[[], Path], command: str = "") -> tuple[Path, dict[str, Any]]:
    """Carry out a recipe with a `bank` block; returns the bank's folder and its report.

    `claim` makes the empty folder once recipe and data have been found right. A bank that was begun in the
    folder goes on: only stacks of groups that are not there yet are trained. Raises InputError for what is
    wrong with recipe or data.
    """
    environment.refuse_many_processes()
    privacy.hide(recipe.report.rows == "hide")
    clock = Clock()
    with clock.phase("read"):
        recipe, splits, base = checked(recipe)
    path = claim()
    with open_run(path, origin_of(recipe, splits, base), "adapt") as kept:
        kept.recipe(recipe)
        with clock.phase("general"):
            start = general.made(path / bank.GENERAL, recipe, command)
        with processor.used(read(start / runs.RECIPE).train.threads, processes=recipe.train.threads):
            report = _adapt(kept, start, splits, clock, command)
    return path, report


def checked(recipe: Recipe) -> tuple[Recipe, Splits, bases.Base]:
    """Recipe, rows and base of a bank; InputError for what cannot be one, before anything is written."""
    recipe, splits = prepare(_ready(recipe))
    splits = used_only(splits)
    if (run := general.given(recipe)) is not None:
        recipe = general.refuse_misfit(recipe, splits, run)
    base = bases.resolve(recipe.base)
    _refuse(recipe, splits, base)
    return recipe, splits, base


def _ready(recipe: Recipe) -> Recipe:
    """The recipe with what a bank needs: the groups' column, and folds."""
    by, data = recipe.bank.by, recipe.data
    if by is None:
        raise InputError("bank.by: missing", "--by COLUMN, or add bank: {by: COLUMN}")
    if recipe.task.kind not in KINDS:
        gives = "a bank gives labels, tags or numbers"
        what = f"{recipe.task.name}: {gives}; it has no adapters for {recipe.task.kind} yet"
        raise InputError(what, "ftkit train DATA, one run for all groups")
    if data.group not in (None, by):
        raise InputError(f"data.group is {data.group!r}, but bank.by is {by!r}", "leave out data.group")
    folds = FEWER_FOLDS if recipe.method.own_epochs else FOLDS
    if data.folds == 0:
        raise InputError("data.folds: 0, but a bank is scored out of fold", f"--set data.folds={folds}")
    epochs = FEWER_EPOCHS if recipe.method.own_epochs and recipe.bank.general != "none" else EPOCHS
    decided = {"data.folds": folds if data.folds == "auto" else data.folds}
    decided |= {"bank.epochs": epochs if recipe.bank.epochs == "auto" else recipe.bank.epochs}
    return recipe.replace({"data.group": by, **decided})


def _refuse(recipe: Recipe, splits: Splits, base: bases.Base) -> None:
    groups = splits.rows.frame["group"].nunique()
    if len(recipe.method.rungs()) > 1:
        raise InputError("method: auto, but all groups of a bank share one method", "--method lora")
    if recipe.method.name == "full":
        size = sum(path.stat().st_size for path in base.folder.rglob("*.safetensors"))
        what = f"method: full would take {groups:,} times the base, {groups * size / 2**30:,.1f} GiB"
        raise InputError(what, "--method lora, which keeps what differs")
    if not splits.folds:
        hint = "give all rows with data.train: each is then predicted by adapters that have not seen it"
        raise InputError("a bank is scored out of fold, so it takes no test rows", hint)
    if groups < 2:
        raise InputError(f"bank.by: column {recipe.bank.by!r} holds {groups} groups", "ftkit adapt DATA lists columns")


def _adapt(kept: RunFolder, start: Path, splits: Splits, clock: Clock, command: str) -> dict[str, Any]:
    """The second stage: every group, then what all of them say together."""
    with clock.phase("load"):
        stage = open_stage(start, unseen=Folds.of(splits))
        mask = mask_of(stage.labels)
        prepared = encode(stage.recipe, splits, Assembly(stage.one.base, stage.network, stage.processor, None))
    folds, pinned = Folds.of(prepared.splits), None if general.given(stage.recipe) is None else Pinned.of(start)
    frame, source = prepared.splits.rows.frame, folder.made_from(stage.recipe, start)
    folds = folds if pinned is None else pinned.folds(folds, frame, mask)
    place = Place(kept.path, 1, 0, source, lambda group, found: found.record)
    with stoppable() as stop:
        every = np.flatnonzero(frame["group"].notna().to_numpy())
        cache = kept.path / runs.CHECKPOINTS / "cache"
        adapter = training.adapter_of(stage, prepared, folds, every, cache, clock, stop, mask)
        groups = groups_of(prepared.splits, stage.recipe, adapter.targets, mask)
        groups = groups if pinned is None else pinned.unseen(groups, frame, mask)
        with clock.phase("adapt"):
            numbers = training.train(place, adapter, groups, prepared.hashes)
        with clock.phase("promote"):
            trained = shards.records_of(kept.path / bank.SHARDS, numbers)
            prior = records.prior_of([one for _, one in trained])
            cold = nearest.measured(adapter, groups, kept.path / bank.SHARDS, records.outcomes(trained, prior))
    with clock.phase("promote"):
        counts = {"trained": len(groups), "added": len(groups)}
        told = "" if mask.on else command
        one = Generation(1, "adapt", document.now(), bank.GENERAL, source, prior, told, numbers, counts=counts)
        one = replace(one, cold=cold)
        whole = BankFolder(kept.path, str(stage.recipe.bank.by), mask.fingerprint, one.created, 1, one)
        whole = generations.prepared(whole, one)
    report = document.save(whole, clock, command)
    folder.write(whole)
    return report
