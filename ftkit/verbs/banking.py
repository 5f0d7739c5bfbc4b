"""What can be done with a finished bank: label rows, list and show its groups, verify, repair and export."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftkit import bank, files, folders, privacy
from ftkit.console import console
from ftkit.errors import FtkitError, InputError, did_you_mean

if TYPE_CHECKING:
    from ftkit.bank.folder import BankFolder
    from ftkit.bank.records import Outcome, Record
    from ftkit.privacy import Mask

ADAPTER = "adapter"
"""column that says whose adapter a row was given"""


def predict(
    path: Path,
    file: str,
    out: Path,
    scores: bool = False,
    changes: Sequence[tuple[str, str]] = (),
    calibrated: bool = False,
) -> Path:
    """Write the table of `file` with `prediction`, `confidence` and `adapter` beside its columns; of numbers as a run.

    The bank knows the column of the groups. A group that it does not know gets the general adapter, or the nearest
    group's where that was measured to be better; its nearest is found by all its rows in the file.
    Raises InputError where the file lacks a column, or has one of the new ones already.
    """
    from dataclasses import replace

    from ftkit.bank import serving
    from ftkit.data.columns import groups
    from ftkit.data.prepare import rows_of
    from ftkit.data.write import write
    from ftkit.verbs import predicting
    from ftkit.verbs.reading import reread

    if calibrated:
        raise InputError("--calibrated: adapters of a bank have no temperatures", "predict without it")
    served = serving.load(path)
    recipe = reread(served.stage.recipe, changes, served.stage.recipe.task.reading)
    served = replace(served, stage=replace(served.stage, recipe=recipe))
    table, parsed, report = rows_of(recipe, file, labelled=False)
    predicting.tell(file, out, table, report)
    labels = served.stage.labels
    added = predicting.columns(recipe.task.kind, labels, scores)
    if taken := [name for name in (*added, ADAPTER) if name in table.frame.columns]:
        raise InputError(f"{file}: has a column {taken[0]!r} already", "rename it in the file")
    names = groups(table, served.folder.by)
    usable = [i for i, one in enumerate(parsed.inputs) if one is not None]
    inputs = [one for one in parsed.inputs if one is not None]
    with console.progress("predicting", len(inputs)) as bar:
        logits, used, encoded = served.logits(inputs, [names[i] for i in usable], bar.update)
    predicting.tell_seen(served.folder.general, file, parsed, encoded)
    found = predicting.cells_of(recipe.task, recipe.task.scores(logits), labels, scores)
    cells: dict[str, list[object]] = dict(zip(added, found, strict=True)) | {ADAPTER: list(used)}
    for note in write(predicting.beside(table, parsed, cells), out, file, recipe.data, table.lines):
        console.say(note)
    if unknown := sum(one in (serving.UNKNOWN, serving.NEAREST) for one in used):
        lent = sum(one == serving.NEAREST for one in used)
        more = f"; {lent:,} of them were given the nearest group's adapter" if lent else ""
        console.say(f"{unknown:,} of {len(used):,} rows are of groups that the bank does not know{more}")
    return out


def listing(path: Path, outcome: str | None = None) -> list[dict[str, Any]]:
    """A line for each group, in the order of their names; of one outcome where it is named."""
    from ftkit.bank import folder, index, records

    if outcome is not None and outcome not in records.OUTCOMES:
        raise InputError(f"there is no outcome {outcome!r}", did_you_mean(outcome, records.OUTCOMES))
    whole = folder.read(path)
    with index.opened(whole.index, whole.generation.number) as found:
        lines = [_line(one) for one in found.all() if outcome in (None, one.outcome)]
    return sorted(lines, key=lambda line: str(line["group"]))


def show(path: Path, group: str) -> dict[str, Any]:
    """All that the bank knows of one group; InputError where it does not know it."""
    _, found = _find(path, group)
    record = found.record
    where = {"sha256": record.sha256, "trained": record.trained, "shard": found.shard}
    return _line(found) | where | {"generation": record.generation, "kept": found.kept}


def verify(path: Path) -> list[str]:
    """What is wrong with a bank, one line a fault: every byte of every generation is held against the index."""
    from ftkit.bank import folder, index, rows, shards

    found = folder.read(path)
    with index.opened(found.index) as opened:
        known = opened.shards()
    faults, expected = list[str](), set[Path]()
    for number, (adapters, told) in known.items():
        for place, sha256 in (
            (shards.path_of(found.shards, number), adapters),
            (rows.path_of(found.rows, number), told),
        ):
            expected.add(place)
            if not place.is_file():
                faults.append(f"{place}: is missing")
            elif files.sha256(place) != sha256:
                where = f" ({_where(place)})" if place.parent == found.shards else ""
                faults.append(f"{place}: is not as it was written{where}")
    under_way = (found.path / bank.UPDATE).is_dir()
    extra = [one for kind in (found.shards, found.rows) for one in sorted(kind.iterdir()) if one not in expected]
    return faults + [f"{one}: is no part of this bank" for one in extra if not under_way]


def repair(path: Path) -> int:
    """Make the index again from the shards and what each generation was made with; returns the groups in it."""
    from ftkit.bank import folder, generations

    whole = folder.read(folders.at_generation(path)[0])
    with generations.alone(whole.path):
        return generations.write_index(whole, {})


def export(path: Path, group: str, out: Path) -> Path:
    """Write one group's adapter, and its head, as the folder that `ftkit train` would have left: plain PEFT.

    Raises InputError for a group that has none, or a folder that is there already.
    """
    from ftkit.bank import serving
    from ftkit.bank.delivering import deliver

    _, found = _find(path, group)
    if found.record.place is None:
        raise InputError(
            f"{privacy.shown(group)}: has no adapter of its own ({found.outcome})", f"cp -r {path}/general/adapter"
        )
    if out.exists():
        raise InputError(f"{out}: already exists", "choose another --out")
    served = serving.load(path)
    return deliver(served, found, out)


def _find(path: Path, group: str) -> tuple[BankFolder, Outcome]:
    from ftkit.bank import folder, index
    from ftkit.bank.grouping import key_of

    found = folder.read(path)
    key = key_of(group, mask_of_bank(found))
    with index.opened(found.index, found.generation.number) as opened:
        known = opened.find([key])
        others = [] if key in known or privacy.hidden() else opened.all()
        names = [one.record.name for one in others if one.record.name is not None]
    if key not in known:
        near = get_close_matches(group, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}? " if near else ""
        hint += f"ftkit bank ls {shlex.quote(str(path))} lists them"
        raise InputError(f"{path}: knows no group {privacy.shown(group)}", hint)
    return found, known[key]


def mask_of_bank(found: BankFolder) -> Mask:
    """What the names of a bank's groups are hidden with, if they are."""
    from ftkit.privacy import Mask
    from ftkit.runs.masking import machine_key

    if found.row_key is None:
        return Mask(on=False)
    privacy.hide(True)
    return Mask(on=True, key=machine_key())


def _line(one: Outcome) -> dict[str, Any]:
    record = asdict(one.record)
    said = {key: record[key] for key in ("rows", "new", "tested", "gain", "error")}
    if record["name"] is None:
        said["error"] = ""  # it may quote a row
    numbers = {key: getattr(one, key) for key in ("outcome", "expected", "low", "high", "harm")}
    return {"group": record["name"] or record["key"][:12], **numbers, **said}


def _where(place: Path) -> str:
    """Which groups of a damaged shard are not what it says itself, as far as it can be read."""
    from ftkit.bank import shards

    try:
        known = shards.read(place)
        bad = [one for one in known.records if one.place is not None and _differs(known, one)]
    except FtkitError:
        return "it cannot be read"
    names = [privacy.shown(one.name or one.key[:12]) for one in bad[:3]]
    return f"{len(bad)} adapters differ: {', '.join(names)}" if bad else "every adapter is as it was"


def _differs(known: Any, one: Record) -> bool:
    from ftkit.bank import shards

    return shards.sha256_of(known.adapter(one.place)) != one.sha256


def compared(path: Path) -> dict[str, Any]:
    """The report of a bank, and its page drawn anew from it; of an earlier generation the report alone."""
    import json

    from ftkit.bank import document, folder
    from ftkit.reports.bank import render_bank
    from ftkit.runs import REPORT

    found = folder.read(path)
    privacy.hide(found.row_key is not None)
    if found.generation.number != found.newest:
        return document.report_on(found)
    try:
        report: dict[str, Any] = json.loads((found.path / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{found.path / REPORT}: cannot be read ({error})", "make the bank again") from None
    if report.get("generation") != found.newest:  # what had added a generation was stopped before it could say so
        report = document.report_on(found)
    files.write_text(page(path), render_bank(report))
    return report


def page(path: Path) -> Path:
    """Where the bank's page lies."""
    return folders.at_generation(path)[0] / bank.PAGE
