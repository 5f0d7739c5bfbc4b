"""From a recipe's sources to `Splits`: read, check, parse, clean, split. What is wrong is said at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ftkit import bases
from ftkit.bases import Base
from ftkit.bases.random import config_of
from ftkit.data import checks, columns, groups, label_checks, unit_checks, value_checks
from ftkit.data.gold import are_numbers, labels_of
from ftkit.data.hashing import content_keys, row_ids
from ftkit.data.names import many
from ftkit.data.read import read, read_many
from ftkit.data.sampling import MERGED, renamed, without_rare
from ftkit.data.splits import LEFT_OUT, divide
from ftkit.data.table import DataReport, Finding, Gold, Parsed, Rows, Splits, Table, Tags
from ftkit.data.tally import Tally
from ftkit.errors import Fault, Faults, InputError
from ftkit.privacy import shown
from ftkit.recipe import Recipe


@dataclass(frozen=True)
class _Source:
    """A table and the split that its rows belong to, unless a split column says another."""

    split: str
    table: Table


def prepare(recipe: Recipe) -> tuple[Recipe, Splits]:
    """Read, check and split the data of a recipe; the recipe comes back with its columns resolved."""
    sources = _read(recipe)
    recipe, sources, detected = _resolved(recipe, sources)
    tally = Tally()
    frame = _usable(recipe, sources, tally)
    findings = unit_checks.check(_training(sources).frame, recipe)
    detected = tuple(f"{source.table.source}: {note}" for source in sources for note in source.table.notes) + detected
    files = {source.table.source: source.table.sha256 for source in sources}
    del sources  # of a million rows only what is used stays in memory
    tally.refuse(recipe.data.max_bad)
    frame, cleaned = _cleaned(frame, recipe, tally)
    findings = [*tally.findings(), *checks.check_rows(frame, recipe), *cleaned, *findings]
    _refuse(frame)
    findings += [*value_checks.check(frame, recipe), *groups.check(frame["group"], recipe)]
    recipe = _shaped(recipe, frame)
    division = divide(frame, recipe.data, groups.new(frame["group"], recipe))
    frame["split"] = division.split
    tested = np.concatenate([part.test for part in division.parts])
    findings += unit_checks.check_tested(frame["unit"].iloc[tested])
    labels = recipe.task.names(frame["gold"].iloc[division.parts[-1].train])
    several = any(isinstance(item, tuple) for item in frame["gold"]) and not are_numbers(frame["gold"])
    rows = Rows(frame, labels, several)
    report = DataReport(
        rows_read=tally.rows_read,
        rows_used=int((frame["split"] != "unused").sum()),
        dropped=tally.reasons,
        examples=tally.examples,
        split_rows={str(name): int(count) for name, count in frame["split"].value_counts().items()},
        label_counts=checks.label_counts(frame),
        distributions=value_checks.distributions(frame, labels),
        files=files,
        findings=(*findings, *division.findings),
        detected=detected,
    )
    return recipe, Splits(rows, division.parts, report)


def rows_of(recipe: Recipe, source: str, labelled: bool) -> tuple[Table, Parsed, DataReport]:
    """Another file with the task and columns of a resolved recipe, to evaluate (`labelled`) or predict.

    Every row of the table has its entry in `Parsed`, so that output lines up with input; a row that
    cannot be used has a fault there. When predicting, bad rows are counted and never stop it.
    """
    table = read(source, recipe.data)
    if recipe.task.reads_files:
        table = columns.as_trained(table, recipe.task.columns()["task.file"][0])
    keys = {key: some for key, some in columns.wanted(recipe, labelled).items() if key.startswith("task.")}
    if faults := columns.missing(table, keys):
        raise Faults(faults)
    table = recipe.task.rows(table, recipe.data, labelled, _base(recipe))
    parsed = recipe.task.parse(table, recipe.data.max_chars, labelled, _base(recipe))
    parsed = replace(parsed, gold=renamed(parsed.gold, recipe.data.label_map))
    tally = Tally()
    tally.add("test", table, parsed)
    if labelled:
        tally.refuse(recipe.data.max_bad)
    used = sum(fault is None for fault in parsed.faults)
    if not used:
        raise InputError(
            f"{source}: no usable rows ({tally.spelled('test')})",
            "look at the column that they are read from",
        )
    report = DataReport(
        rows_read=tally.rows_read,
        rows_used=used,
        dropped=tally.reasons,
        examples=tally.examples,
        files={table.source: table.sha256},
        findings=tuple(tally.findings()),
        detected=table.notes,
    )
    return table, parsed, report


def _read(recipe: Recipe) -> list[_Source]:
    """All tables: a file that cannot be read does not hide another one."""
    data = recipe.data
    given = {"train": data.train, "test": data.test, "validation": data.validation}
    sources: list[_Source] = []
    faults: list[Fault] = []
    for split, paths in given.items():
        if paths is None or isinstance(paths, float) or (split == "validation" and paths in ("auto", "none")):
            continue
        try:
            tables = read_many([paths] if isinstance(paths, str) else paths, data)
            sources += [_Source(split, table) for table in tables]
        except Faults as error:
            faults += error.faults
        except InputError as error:
            faults.append(Fault("", error.message, error.hint))
    if faults:
        raise Faults(faults)
    return sources


def _resolved(recipe: Recipe, sources: list[_Source]) -> tuple[Recipe, list[_Source], tuple[str, ...]]:
    """The recipe with columns decided, the tables with one row an example, and what was detected.

    Faults name all missing columns.
    """
    faults: list[Fault] = []
    train = _training(sources)
    task, data, detected = recipe.task, recipe.data, list[str]()
    try:
        task = task.resolve(train)
    except InputError as error:
        faults.append(Fault("", error.message, error.hint))
    recipe = recipe.model_copy(update={"task": task})
    keys = columns.wanted(recipe)
    own = {key: some for key, some in keys.items() if key.startswith("task.")}
    for source in sources:
        faults += columns.missing(source.table, own)
    if not faults:
        read, sources = sources, []
        for source in read:
            table = task.rows(source.table, data, True, _base(recipe))
            detected += table.notes[len(source.table.notes) :]  # of its own making, so nobody has been told
            sources.append(replace(source, table=replace(table, notes=source.table.notes)))
        train = _training(sources)
    for source in sources:
        faults += columns.missing(source.table, {key: some for key, some in keys.items() if key not in own})
        if data.split and source.split == "train":
            faults += columns.missing(source.table, {"data.split": (data.split,)})
    if faults:
        raise Faults(faults)
    taken = [column for some in keys.values() for column in some]
    if data.split is None and (found := columns.find_split(train.frame, taken)):
        data = data.model_copy(update={"split": found})
        detected.append(f"column {found!r} holds the official split")
    if data.unit is None and data.left_out is not None:
        hanging: tuple[str, str] | None = (data.left_out, "what is left out as a whole is also resampled as a whole")
    else:
        hanging = task.hangs(train) if data.unit is None else None
    if hanging:
        data = data.model_copy(update={"unit": hanging[0]})
        detected.append(f"unit: {hanging[0]}; {hanging[1]}")
    return recipe.model_copy(update={"data": data}), sources, tuple(detected)


def _shaped(recipe: Recipe, frame: pd.DataFrame) -> Recipe:
    """The recipe whose config for random weights has the shape of the training rows."""
    if isinstance(recipe.base, str):
        return recipe
    given = config_of(recipe.base.config)[0]
    shaped = recipe.task.shape(frame["input"][frame["split"] == "train"].tolist(), given)
    return recipe if shaped == given else recipe.replace({"base": {"config": shaped}})


def _training(sources: list[_Source]) -> Table:
    """The training table; of several files, the columns that they share."""
    tables = [source.table for source in sources if source.split == "train"]
    if len(tables) == 1:
        return tables[0]
    frame = pd.concat([table.frame for table in tables], join="inner", ignore_index=True)
    lines = np.concatenate([table.lines for table in tables])
    return Table(frame, lines, ", ".join(table.source for table in tables), tables[0].sha256)


def _usable(recipe: Recipe, sources: list[_Source], tally: Tally) -> pd.DataFrame:
    """The usable rows of all sources, in the order of the files, without ids yet."""
    pieces, faults = [], list[Fault]()
    for source in sources:
        official = np.full(len(source.table.frame), source.split, dtype=object)
        if recipe.data.split and source.split == "train":
            official, wrong = columns.official_split(source.table, recipe.data.split)
            faults += wrong
        pieces.append(_piece(recipe, source, official, tally))
    if faults:
        raise Faults(faults)
    frame = pd.concat(pieces, ignore_index=True) if len(pieces) > 1 else pieces[0]
    for split in dict.fromkeys(["train", *(source.split for source in sources)]):
        if not (frame["split"] == split).any():
            spelled = tally.spelled(split)
            message = f"no usable {split} rows" + (f": {spelled}" if spelled else "")
            raise InputError(message, "check the text and label columns with --text COLUMN and --label COLUMN")
    return frame


def _piece(recipe: Recipe, source: _Source, official: np.ndarray, tally: Tally) -> pd.DataFrame:
    table, data = source.table, recipe.data
    parsed = recipe.task.parse(table, data.max_chars, base=_base(recipe))
    tally.add(source.split, table, parsed)
    good = np.array([fault is None for fault in parsed.faults], dtype=bool)
    kept = np.flatnonzero(good).tolist()
    frame = table.frame if good.all() else table.frame[good]
    return pd.DataFrame(
        {
            "input": pd.Series([parsed.inputs[row] for row in kept], dtype=object),
            "gold": pd.Series([parsed.gold[row] for row in kept], dtype=object),
            "split": official[good],
            "unit": pd.Series(columns.plain(frame, data.unit), dtype=object),
            "group": pd.Series(columns.plain(frame, data.group), dtype=object),
            "annotator": pd.Series(columns.plain(frame, data.annotator), dtype=object),
            "source": pd.Series([table.source] * len(kept), dtype=object),
            "line": table.lines[good],
        }
        | ({LEFT_OUT: pd.Series(columns.plain(frame, data.left_out), dtype=object)} if data.left_out else {})
        | {f"slice.{name}": [cell or "" for cell in columns.plain(frame, name)] for name in recipe.evaluate.slices}
    )


def _base(recipe: Recipe) -> Base | None:
    """What files are decoded for."""
    return bases.resolve(recipe.base, recipe.seed) if recipe.task.reads_files else None


def _cleaned(frame: pd.DataFrame, recipe: Recipe, tally: Tally) -> tuple[pd.DataFrame, list[Finding]]:
    """Rows with their ids, under the labels to use, without rare ones if the recipe says so."""
    data = recipe.data
    findings = _unused_names(frame, data.label_map)
    train = (frame["split"] == "train").to_numpy()
    thin = without_rare(renamed(frame["gold"].tolist(), data.label_map), train, data.rare, data.rare_below)
    inputs = frame["input"].tolist()
    # numbered within each official split: a test row keeps its id when copies of it come into training
    ids = np.empty(len(frame), dtype=object)
    for split in frame["split"].unique():
        here = np.flatnonzero(frame["split"] == split).tolist()
        units, groups = frame["unit"].iloc[here].tolist(), frame["group"].iloc[here].tolist()
        ids[here] = row_ids([inputs[row] for row in here], units, groups)
    frame.insert(0, "row_id", pd.Series(ids, dtype="str"))
    frame.insert(1, "content", content_keys(inputs))
    frame["gold"] = pd.Series(thin.gold, dtype=object)
    if thin.rare:
        done = f"joined to {MERGED!r}" if data.rare == "merge" else "left out of training with their rows"
        what = f"{done}: {many(len(thin.rare), 'label')} of fewer than {data.rare_below} training rows"
        findings.append(Finding("note", "rare labels", what, "--set data.rare=keep"))
    if not thin.keep.all():
        tally.leave_out("rare label", frame[~thin.keep])
        frame = frame[thin.keep].reset_index(drop=True)
    return frame, findings


def _unused_names(frame: pd.DataFrame, label_map: Mapping[str, str]) -> list[Finding]:
    if not label_map:
        return []
    present = {label for item in frame["gold"] for label in labels_of(item)}
    unused = [name for name in label_map if name not in present]
    if not unused:
        return []
    what = f"data.label_map names {many(len(unused), 'label')} that no row has: " + ", ".join(map(shown, unused[:5]))
    return [Finding("warning", "label_map", what, "write the labels as they stand in the file")]


def _refuse(frame: pd.DataFrame) -> None:
    """Stop where no model can be trained on these labels."""
    gold = frame["gold"][frame["split"] == "train"]
    if gold.empty:
        raise InputError("no rows are left for training: all labels are rare", "--set data.rare=keep")
    if are_numbers(gold):
        value_checks.refuse(gold.tolist())
        return
    label_checks.refuse(checks.label_counts(frame), len(gold), len(Counter(map(_kind, gold))))


def _kind(item: Gold) -> tuple[str, ...]:
    return tuple(item) if isinstance(item, Tags) else labels_of(item)
