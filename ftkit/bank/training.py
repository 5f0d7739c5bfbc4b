"""Training the groups of a bank stack by stack; a stack with its shard is complete, and is not trained again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ftkit import bank, privacy
from ftkit.bank import nearest, rows, shards
from ftkit.bank.adapting import Adapted, Adapter, settings_of
from ftkit.bank.grouping import Folds, Group, data_of, stacks_of
from ftkit.bank.records import Record
from ftkit.bank.shards import Weights
from ftkit.bank.stage import Stage
from ftkit.console import console
from ftkit.errors import InputError
from ftkit.features.cache import Cache
from ftkit.features.examples import Examples
from ftkit.features.scale import are_numbers
from ftkit.features.tokens import seen_only
from ftkit.privacy import Mask
from ftkit.runs.document import choices_of
from ftkit.runs.folder import Clock
from ftkit.training.encoding import Prepared
from ftkit.training.judging import judged
from ftkit.training.passes import Job
from ftkit.training.stopping import Stop
from ftkit.training.workers import side_by_side


@dataclass(frozen=True)
class Place:
    """Where a generation's stacks go."""

    path: Path
    """of the bank"""
    generation: int
    first: int
    """number of its first shard"""
    source: str
    """hash of recipe and general adapter"""
    held: Callable[[Group, Adapted], Record]
    """the record of a group that has been trained, held against what is in service"""


def adapter_of(
    stage: Stage, prepared: Prepared, folds: Folds, rows: np.ndarray, cache: Path, clock: Clock, stop: Stop, mask: Mask
) -> Adapter:
    """Attach rows to the base: each of `rows` (positions) is read once, whoever has it.

    `cache` is the folder for activations where rows are hidden.
    """
    from accelerate import Accelerator

    recipe, frame = stage.recipe, prepared.splits.rows.frame
    targets = recipe.task.targets(frame["gold"].to_list(), stage.labels)
    learned = seen_only(targets, prepared.encoded.rows) if recipe.task.kind == "tags" else targets
    examples = Examples(recipe.task, stage.processor, prepared.encoded.rows)
    kept = Cache.within(cache) if privacy.hidden() else Cache.default()
    with clock.phase("features"), console.progress("reading rows with the base", len(rows)) as bar:
        pooled = stage.read(examples, rows, kept, bar.update)
    job = Job(
        network=stage.network,
        examples=examples,
        targets=torch.from_numpy(learned),
        balanced=recipe.train.class_weight == "balanced",
        judge=lambda positions, logits: judged(recipe, stage.labels, targets[positions], logits),
        accelerator=Accelerator(),
        precision="bf16" if recipe.train.precision == "bf16" else "fp32",
        describe=prepared.describe,
        pooled=pooled,
        dropout=False,
    )
    lr = choices_of(stage.one.run)["lr"]
    return Adapter(stage, job, folds, frame, targets, settings_of(stage, lr), mask, stop)


def train(place: Place, adapter: Adapter, groups: Sequence[Group], hashes: Sequence[str]) -> tuple[int, ...]:
    """Train every stack that is not there yet; returns the numbers of their shards.

    A shard is written last, so that a stack with one is complete. `hashes` are the `input_hash` of all rows.
    """
    for name in (bank.SHARDS, bank.ROWS):
        (place.path / name).mkdir(exist_ok=True, mode=0o700 if privacy.hidden() else 0o777)
    stacks = stacks_of(list(groups), adapter.stage.recipe.bank.stack)
    numbers = tuple(range(place.first, place.first + len(stacks)))
    keys = [[data_of(adapter.frame, group, adapter.mask) for group in stack] for stack in stacks]
    if len(known := adapter.answers.shared(groups)):
        adapter.general(known, keep=True)
        if not adapter.mask.on:
            nearest.embedded(adapter, known, keep=True)
        adapter.job.examples.at_once = None  # each process sees anew how much fits
    missing = [i for i, number in enumerate(numbers) if not _there(place, number, keys[i])]

    def work(i: int) -> int:
        found = adapter.adapt(stacks[i])
        told = adapter.frame, hashes, adapter.folds.fold, adapter.mask
        kept = rows.of_stack(stacks[i], found, *told, exact=are_numbers(adapter.targets))
        rows.write(rows.path_of(place.path / bank.ROWS, numbers[i]), kept)
        _shard(place, numbers[i], stacks[i], found, nearest.centres(adapter, stacks[i]))
        return len(stacks[i])

    device, done = adapter.job.network.device, len(groups) - sum(len(stacks[i]) for i in missing)
    with (
        side_by_side(work, missing, len(stacks), adapter.stop, device) as ended,
        console.progress("adapting to groups", len(groups)) as bar,
    ):
        for _, count in ended:
            done += count
            bar.update(done)
    return numbers


def _there(place: Place, number: int, data: Sequence[str]) -> bool:
    """Whether a stack is complete, of the same rows; what is damaged is trained again."""
    path = shards.path_of(place.path / bank.SHARDS, number)
    if not path.is_file() or not rows.path_of(place.path / bank.ROWS, number).is_file():
        return False
    try:
        known = shards.read(path)
        sound = all(
            shards.sha256_of(known.adapter(one.place)) == one.sha256 for one in known.records if one.place is not None
        )
    except InputError as error:
        console.warn(f"{error.message}: its groups are trained again")
        return False
    return sound and known.made_from == place.source and [one.data for one in known.records] == list(data)


def _shard(
    place: Place, number: int, stack: Sequence[Group], found: Sequence[Adapted], centres: torch.Tensor | None
) -> None:
    said, adapters = list[Record](), list[Weights]()
    for group, one in zip(stack, found, strict=True):
        record = replace(place.held(group, one), generation=place.generation)
        said.append(record if one.weights is None else replace(record, place=len(adapters)))
        adapters += [] if one.weights is None else [one.weights]
    if centres is not None:
        centres = centres[[one.weights is not None for one in found]]
    shards.write(shards.path_of(place.path / bank.SHARDS, number), number, place.source, said, adapters, centres)
