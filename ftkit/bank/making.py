"""What happens when a bank is made: rows → general adapter → one adapter a group → who is promoted → index, report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ftkit import bank, bases, environment, files, privacy, runs
from ftkit.bank import document, folder, index, records, shards
from ftkit.bank.adapting import Adapted, Adapter, settings_of
from ftkit.bank.folder import BankFolder
from ftkit.bank.grouping import Folds, Group, groups_of, stacks_of
from ftkit.bank.records import Record
from ftkit.bank.shards import Weights
from ftkit.bank.stage import Stage, open_stage
from ftkit.console import console
from ftkit.data.prepare import prepare
from ftkit.data.splits import used_only
from ftkit.errors import InputError
from ftkit.features import processor
from ftkit.features.cache import Cache
from ftkit.features.examples import Examples
from ftkit.models.assembly import Assembly
from ftkit.recipe import Recipe, read
from ftkit.runs.document import choices_of
from ftkit.runs.folder import Clock, RunFolder, open_run
from ftkit.runs.masking import mask_of
from ftkit.runs.origin import origin_of
from ftkit.training.encoding import Prepared, encode
from ftkit.training.judging import judged
from ftkit.training.loop import Job
from ftkit.training.stopping import Stop, stoppable

if TYPE_CHECKING:
    from ftkit.data.table import Splits
    from ftkit.privacy import Mask

FOLDS = 5
PARTS = ("rows", "general", "own")


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
        recipe, splits = prepare(_ready(recipe))
        splits = used_only(splits)
        base = bases.resolve(recipe.base)
        _refuse(recipe, splits, base)
    path = claim()
    with open_run(path, origin_of(recipe, splits, base), "adapt") as kept:
        kept.recipe(recipe)
        with clock.phase("general"):
            general = _general(path, recipe, command)
        with processor.used(read(general / runs.RECIPE).train.threads):
            report = _adapt(kept, general, splits, clock, command)
    return path, report


def _ready(recipe: Recipe) -> Recipe:
    """The recipe with what a bank needs: the groups' column, and folds."""
    by, data = recipe.bank.by, recipe.data
    if by is None:
        raise InputError("bank.by: missing", "--by COLUMN, or add bank: {by: COLUMN}")
    if data.group not in (None, by):
        raise InputError(f"data.group is {data.group!r}, but bank.by is {by!r}", "leave out data.group")
    if data.folds == 0:
        raise InputError("data.folds: 0, but a bank is scored out of fold", f"--set data.folds={FOLDS}")
    return recipe.replace({"data.group": by, "data.folds": FOLDS if data.folds == "auto" else data.folds})


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


def _general(path: Path, recipe: Recipe, command: str) -> Path:
    """The general adapter's run, trained where it is not there yet."""
    from ftkit import pipeline

    general = path / bank.GENERAL
    if files.state(general) == "complete":
        return general
    console.say("first the general adapter, for everybody")
    if (general / runs.RECIPE).is_file():
        return pipeline.run(read(general / runs.RECIPE), lambda: general, command)[0]
    if general.exists():
        shutil.rmtree(general)  # it was stopped before it had begun
    return pipeline.run(recipe, lambda: files.new_run_folder(general, "general", force=False), command)[0]


def _adapt(kept: RunFolder, general: Path, splits: Splits, clock: Clock, command: str) -> dict[str, Any]:
    """The second stage: every group, then what all of them say together."""
    with clock.phase("load"):
        stage = open_stage(general)
        mask = mask_of(stage.labels)
        prepared = encode(stage.recipe, splits, Assembly(stage.one.base, stage.network, stage.processor, None))
    source = folder.made_from(stage.recipe, general)
    with stoppable() as stop:
        adapter = _adapter(stage, prepared, kept, clock, mask, stop)
        groups = groups_of(prepared.splits, stage.recipe, adapter.targets, mask)
        with clock.phase("adapt"):
            _stacks(kept, adapter, groups, source)
    with clock.phase("promote"):
        found = shards.read_all(kept.path / bank.SHARDS)
        everyone = [(one.number, record) for one in found for record in one.records]
        prior = records.prior_of([record for _, record in everyone])
        finished = BankFolder(kept.path, str(stage.recipe.bank.by), source, prior, mask.fingerprint, document.now())
        outcomes = records.outcomes(everyone, prior)
        index.write(finished.index, outcomes, {one.number: files.sha256(one.path) for one in found})
    told = document.Told(adapter, prepared, mask, outcomes, prior, _predicted(kept.path, len(found)))
    report = document.save(told, finished, clock, command)
    folder.write(finished)
    return report


def _adapter(stage: Stage, prepared: Prepared, kept: RunFolder, clock: Clock, mask: Mask, stop: Stop) -> Adapter:
    """Attach rows to the base: each that belongs to a group is read once, whoever has it."""
    from accelerate import Accelerator

    recipe, frame = stage.recipe, prepared.splits.rows.frame
    targets = recipe.task.targets(frame["gold"].to_list(), stage.labels)
    examples = Examples(recipe.task, stage.processor, prepared.encoded.rows)
    cache = Cache.within(kept.path / runs.CHECKPOINTS / "cache") if privacy.hidden() else Cache.default()
    rows = np.flatnonzero(frame["group"].notna().to_numpy())
    with clock.phase("features"), console.progress("reading rows with the base", len(rows)) as bar:
        pooled = stage.read(examples, rows, cache, bar.update)
    job = Job(
        network=stage.network,
        examples=examples,
        targets=torch.from_numpy(targets),
        balanced=recipe.train.class_weight == "balanced",
        judge=lambda positions, logits: judged(recipe, stage.labels, targets[positions], logits),
        accelerator=Accelerator(),
        precision="bf16" if recipe.train.precision == "bf16" else "fp32",
        describe=prepared.describe,
        pooled=pooled,
        dropout=False,
    )
    lr = choices_of(kept.path / bank.GENERAL)["lr"]
    return Adapter(stage, job, Folds.of(prepared.splits), frame, targets, settings_of(stage, lr), mask, stop)


def _stacks(kept: RunFolder, adapter: Adapter, groups: Sequence[Group], source: str) -> None:
    """Train every stack that is not there yet; a shard is written last, so that a stack with one is complete."""
    place = kept.path / bank.SHARDS
    place.mkdir(exist_ok=True, mode=0o700 if privacy.hidden() else 0o777)
    with console.progress("adapting to groups", len(groups)) as bar:
        done = 0
        for number, stack in enumerate(stacks_of(list(groups), adapter.stage.recipe.bank.stack)):
            path = shards.path_of(place, number)
            if not _there(path, source, _stack_file(kept.path, number)):
                found = adapter.adapt(stack)
                _keep(kept.path, number, found)
                _shard(path, number, source, found)
            done += len(stack)
            bar.update(done)


def _there(path: Path, source: str, scores: Path) -> bool:
    """Whether a stack is complete; what is damaged is trained again."""
    if not path.is_file() or not scores.is_file():
        return False
    try:
        known = shards.read(path)
        sound = all(
            shards.sha256_of(known.adapter(one.place)) == one.sha256 for one in known.records if one.place is not None
        )
    except InputError as error:
        console.warn(f"{error.message}: its groups are trained again")
        return False
    return sound and known.made_from == source


def _shard(path: Path, number: int, source: str, found: Sequence[Adapted]) -> None:
    said, adapters = list[Record](), list[Weights]()
    for one in found:
        said.append(one.record if one.weights is None else replace(one.record, place=len(adapters)))
        adapters += [] if one.weights is None else [one.weights]
    shards.write(path, number, source, said, adapters)


def _stack_file(path: Path, number: int) -> Path:
    return path / runs.CHECKPOINTS / f"stack-{number:06}.safetensors"


def _keep(path: Path, number: int, found: Sequence[Adapted]) -> None:
    """What a stack's groups and the general adapter said of their rows, until all stacks are there."""
    from safetensors.numpy import save

    columns = {name: [getattr(one, name) for one in found] for name in PARTS}
    tensors = {name: np.ascontiguousarray(np.concatenate(some)) for name, some in columns.items()}
    with files.replacing(_stack_file(path, number)) as temporary:
        temporary.write_bytes(save(tensors))


def _predicted(path: Path, count: int) -> dict[str, np.ndarray]:
    """Positions, and both adapters' probabilities, of every row that was predicted out of fold."""
    from safetensors.numpy import load_file

    found = [load_file(_stack_file(path, number)) for number in range(count)]
    return {name: np.concatenate([one[name] for one in found]) for name in PARTS}
