"""A bank a week later: groups whose rows have changed are trained again, and nobody else is touched."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import bank, bases, environment, files, privacy, runs
from ftkit.bank import carried, document, folder, general, generations, index, nearest, records, shards, training
from ftkit.bank.folder import BankFolder, Cold, Generation
from ftkit.bank.gate import Gate
from ftkit.bank.grouping import FEW_ROWS, ONE_LABEL, Folds, Group, data_of, groups_of, key_of
from ftkit.bank.pinning import Pinned
from ftkit.bank.records import FAILED, PROMOTED, Outcome
from ftkit.bank.stage import FINAL, Stage, open_stage
from ftkit.bank.training import Place
from ftkit.console import console
from ftkit.data.names import many
from ftkit.data.prepare import prepare
from ftkit.data.splits import used_only
from ftkit.errors import InputError
from ftkit.features import processor
from ftkit.models.assembly import Assembly
from ftkit.models.delivery import read_head
from ftkit.recipe import Recipe, read
from ftkit.runs import origin
from ftkit.runs.folder import Clock, RunFolder, open_run
from ftkit.runs.masking import mask_of
from ftkit.training.encoding import Prepared, encode
from ftkit.training.stopping import stoppable

if TYPE_CHECKING:
    from ftkit.bank.adapting import Adapter
    from ftkit.data.table import Splits
    from ftkit.privacy import Mask
    from ftkit.statistics.promotion import Prior

ASKED = "asked.json"
"""what an update was asked for, beside its recipe, for whoever takes it up"""


@dataclass(frozen=True)
class Asked:
    """What an update is to do."""

    recipe: Recipe
    anew: bool = False
    """train a new general adapter, and everybody from it"""
    only: str | None = None
    """name of the one group that is trained, whether its rows have changed or not"""


def update(path: Path, asked: Asked, command: str = "") -> tuple[Path, dict[str, Any]]:
    """Add a generation to a bank; returns the bank's folder and its report.

    The bank goes on serving the generation before until the new one is whole. An update that was stopped is
    taken up where it was left, if it was the same one; another one is given up. Where nothing has changed, there is
    no new generation. Raises InputError for what is wrong with recipe or data.
    """
    environment.refuse_many_processes()
    whole = folder.read(path)
    privacy.hide(whole.row_key is not None or asked.recipe.report.rows == "hide")
    clock = Clock()
    with generations.alone(path):
        whole = folder.read(path)  # as whoever held the lock has left it
        files.sweep(path)
        with clock.phase("read"):
            recipe, splits = prepare(asked.recipe)
            for one in splits.report.findings:
                if one.level == "warning":
                    console.warn(one.what)
            asked, splits = replace(asked, recipe=recipe), used_only(splits)
            base = bases.resolve(recipe.base)
        begun = origin.origin_of(recipe, splits, base) | {"asked": [whole.newest, asked.anew, asked.only]}
        with _place(whole, asked, begun) as kept:
            start = whole.general
            if asked.anew:
                start = general.made(path / f"{bank.GENERAL}-{whole.newest + 1}", recipe, command)
            with processor.used(read(start / runs.RECIPE).train.threads, processes=recipe.train.threads):
                then = _Update(whole, asked, start, splits, clock, command).carried_out(kept)
        if then is None:
            console.say("no group's rows have changed: there is nothing to train")
        _recipe(path)
        report = document.save(then or whole, clock, (then or whole).generation.command)
        shutil.rmtree(path / bank.UPDATE)  # last: whoever is killed before finds it, and does the rest
        return path, report


def left(path: Path) -> Asked | None:
    """The update of a bank that was begun and not finished."""
    place = path / bank.UPDATE
    try:
        said = json.loads((place / ASKED).read_text(encoding="utf-8"))
        return Asked(read(place / runs.RECIPE), said["anew"], said["only"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _place(whole: BankFolder, asked: Asked, begun: Mapping[str, Any]) -> Iterator[RunFolder]:
    """The folder of the update under way; another one that was begun there is given up."""
    place = whole.path / bank.UPDATE
    known = origin.read(place) if place.is_dir() else None
    same = known is not None and json.loads(json.dumps([begun[key] for key in SAME])) == [
        known.get(key) for key in SAME
    ]
    if not same:
        if known is not None and known.get("asked", [0])[0] == whole.newest:
            console.warn(f"{place}: an update that was not finished is given up")
        _clear(whole)
    place.mkdir(exist_ok=True, mode=0o700 if privacy.hidden() else 0o777)
    try:
        with open_run(place, begun, "adapt") as kept:
            kept.recipe(asked.recipe)
            files.write_json(place / ASKED, {"anew": asked.anew, "only": asked.only})
            yield kept
    except InputError:
        _clear(whole)  # it cannot be taken up as it is
        raise


SAME = ("recipe", "files", "base", "asked")
"""what two updates share that are one"""


def _clear(whole: BankFolder) -> None:
    """Take away what an update has left that never was in service."""
    first = generations.next_shard(folder.generations(whole))
    for kind in (whole.shards, whole.rows):
        for one in kind.iterdir():
            if not one.stem.isdecimal() or int(one.stem) >= first:
                one.unlink()
    shutil.rmtree(whole.path / f"{bank.GENERAL}-{whole.newest + 1}", ignore_errors=True)
    shutil.rmtree(whole.path / bank.UPDATE, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class _Update:
    whole: BankFolder
    asked: Asked
    start: Path
    """the general adapter's run"""
    splits: Splits
    clock: Clock
    command: str

    def carried_out(self, kept: RunFolder) -> BankFolder | None:
        """Train what has changed, and put it in service; None where nothing has."""
        with self.clock.phase("load"):
            pinned, stage = Pinned.of(self.start), open_stage(self.start, unseen=Folds.of(self.splits))
            mask = mask_of(stage.labels)
            prepared = encode(stage.recipe, self.splits, Assembly(stage.one.base, stage.network, stage.processor, None))
            frame = prepared.splits.rows.frame
            folds = pinned.folds(Folds.of(prepared.splits), frame, mask)
            targets = stage.recipe.task.targets(frame["gold"].to_list(), stage.labels)
            every = pinned.unseen(groups_of(prepared.splits, stage.recipe, targets, mask), frame, mask)
        with index.opened(self.whole.index, self.whole.newest) as found:
            service = {one.record.key: one for one in found.all()}
        groups = self._changed(every, service, prepared, mask)
        if not groups:
            return None
        _tell_fewer(groups, service)
        _tell_unknown(targets[np.concatenate([one.rows for one in groups])])
        gate = self._gate(stage, pinned)
        with stoppable() as stop:
            mine = np.concatenate([one.rows for one in groups])
            cache = kept.path / runs.CHECKPOINTS / "cache"
            adapter = training.adapter_of(stage, prepared, folds, mine, cache, self.clock, stop, mask)
            seen = pinned.contents if not self.asked.anew else Pinned.of(self.whole.general).contents
            held = Gate(adapter, self.whole, service if gate else {}, seen, self.asked.recipe.bank.margin).held
            number, first = self.whole.newest + 1, generations.next_shard(folder.generations(self.whole))
            place = Place(self.whole.path, number, first, folder.made_from(stage.recipe, self.start), held)
            with self.clock.phase("adapt"):
                numbers = training.train(place, adapter, groups, prepared.hashes)
            with self.clock.phase("promote"):
                prior, cold = self._judging(adapter, groups, numbers)
        gone = len(service.keys() - {one.key for one in every})
        counts = {"unchanged": len(every) - len(groups), "gone": gone}
        with self.clock.phase("promote"):
            told = "" if mask.on else self.command
            one = Generation(place.generation, "update", document.now(), self.start.name, place.source, prior, told)
            one = replace(one, shards=numbers, gated=gate, cold=cold)
            return self._in_service(one, service, counts)

    def _changed(
        self, every: Sequence[Group], service: Mapping[str, Outcome], prepared: Prepared, mask: Mask
    ) -> list[Group]:
        """The groups to train: those that are new, or have other rows than when they were last trained."""
        frame = prepared.splits.rows.frame
        if (only := self.asked.only) is not None:
            found = [one for one in every if one.key == key_of(only, mask)]
            if not found:
                raise InputError(f"--only {privacy.shown(only)}: the data hold no such group", "look at its name")
            return found
        if self.asked.anew:
            return list(every)
        return [one for one in every if one.key not in service or service[one.key].tried != data_of(frame, one, mask)]

    def _gate(self, stage: Stage, pinned: Pinned) -> bool:
        """Whether old and new adapters can be held against each other: they must give the same labels."""
        before = read_head(self.whole.general / runs.ADAPTER)
        if before.labels == stage.labels and before.pooling == stage.starts[FINAL].pooling:
            return True
        console.warn("the new general adapter has other labels, or reads them elsewhere: every group gets a new one")
        return False

    def _judging(
        self, adapter: Adapter, groups: Sequence[Group], numbers: tuple[int, ...]
    ) -> tuple[Prior | None, Cold | None]:
        """By what groups are judged, and what unknown ones get: as before, unless everybody was trained anew."""
        if not self.asked.anew:
            return self.whole.prior, self.whole.generation.cold
        trained = shards.records_of(self.whole.shards, numbers)
        prior = records.prior_of([record for _, record in trained])
        return prior, nearest.measured(adapter, groups, self.whole.shards, records.outcomes(trained, prior))

    def _in_service(self, one: Generation, service: Mapping[str, Outcome], counts: Mapping[str, int]) -> BankFolder:
        trained = shards.records_of(self.whole.shards, one.shards)
        one = replace(one, change=records.change_of([record for _, record in trained]))
        settled = generations.settled_in(one, service, trained)
        one = replace(one, counts={**counts, **_counts(service, settled)})
        then = generations.prepared(self.whole, one)
        folder.write(then)
        _recipe(self.whole.path)
        return then


def _counts(before: Mapping[str, Outcome], settled: Mapping[str, Outcome]) -> dict[str, int]:
    """What became of the groups that were trained."""
    thin = sum(bool({FEW_ROWS, ONE_LABEL} & {now.outcome, now.kept}) for now in settled.values())
    found = Counter[str]({"trained": len(settled) - thin, "thin": thin})
    found["added"] = len(settled.keys() - before.keys())
    for key, now in settled.items():
        old = before.get(key)
        found["failed"] += FAILED in (now.outcome, now.kept)
        if old is not None and old.outcome == PROMOTED:
            found["kept" if now.kept else "replaced" if now.outcome == PROMOTED else "withdrawn"] += 1
        elif now.outcome == PROMOTED:
            found["promoted"] += 1
    return {name: number for name, number in found.items() if number}


def _recipe(path: Path) -> None:
    """The recipe of the newest generation becomes the bank's."""
    text = (path / bank.UPDATE / runs.RECIPE).read_text(encoding="utf-8")
    files.write_text(path / runs.RECIPE, text)


def _tell_fewer(groups: Sequence[Group], service: Mapping[str, Outcome]) -> None:
    """An update takes the rows of a group as they are now: rows of this week alone would make it forget the others."""
    known = [(len(one.rows), service[one.key].record.rows) for one in groups if one.key in service]
    fewer = [(now, before) for now, before in known if now < before]
    if fewer:
        now, before = (sum(some) for some in zip(*fewer, strict=True))
        what = f"{many(len(fewer), 'group')} with fewer rows than last time, {now:,} in place of {before:,}"
        console.warn(f"{what}: rows that the data lack are forgotten; give old and new rows together")


def _tell_unknown(targets: np.ndarray) -> None:
    if rows := carried.unknown(targets):
        what = f"{many(rows, 'row')} with labels that the general adapter does not know: no group can learn them"
        console.warn(f"{what}; --general new trains one that does")
