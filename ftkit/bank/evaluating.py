"""A bank on rows that it has never seen: as it is used, and beside its general adapter alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ftkit import metrics
from ftkit.bank import rows, serving
from ftkit.bank.folder import BankFolder
from ftkit.bank.measuring import Measure
from ftkit.bank.pinning import Pinned
from ftkit.console import console
from ftkit.data import columns
from ftkit.data.hashing import content_keys
from ftkit.data.prepare import rows_of
from ftkit.errors import InputError
from ftkit.metrics import Scored
from ftkit.recipe import Recipe
from ftkit.statistics.intervals import interval


def evaluate(path: Path, file: str, reread: Callable[[Recipe], Recipe]) -> dict[str, Any]:
    """The scores of a bank on a labelled table, of its general adapter, and the difference, by whole groups.

    Rows whose text any adapter of the bank was trained on are left out. `reread` changes how the file is read.
    Raises InputError where nothing is left.
    """
    served = serving.load(path)
    recipe = reread(served.stage.recipe)
    table, parsed, _ = rows_of(recipe, file, labelled=True)
    names = columns.groups(table, served.folder.by)
    usable = [i for i, one in enumerate(parsed.inputs) if one is not None and parsed.gold[i] is not None]
    known, mask = trained_on(served.folder), served.mask
    content = content_keys([parsed.inputs[i] or () for i in usable])
    fresh = [i for i, one in zip(usable, content, strict=True) if mask.digest(one) not in known]
    if not fresh:
        raise InputError(f"{file}: {path} was trained on all of its {len(usable):,} usable rows", "give other rows")
    inputs = [one for i in fresh if (one := parsed.inputs[i]) is not None]
    whose = [names[i] for i in fresh]
    with console.progress("evaluating", len(inputs)) as bar:
        logits, used, _ = served.logits(inputs, whose, bar.update)
        general, _, _ = served.logits(inputs, [None] * len(inputs), lambda done: None)
    labels = served.stage.labels
    targets = recipe.task.targets([parsed.gold[i] for i in fresh], labels)
    groups = np.unique([name or f"row {i}" for i, name in zip(fresh, whose, strict=True)], return_inverse=True)[1]
    measure = Measure.of(recipe, labels)
    own, alone = (measure.scored(targets, recipe.task.scores(each)) for each in (logits, general))
    return {
        "bank": str(path),
        "generation": served.folder.generation.number,
        "file": file,
        "rows": len(fresh),
        "left_out": len(usable) - len(fresh),
        "groups": int(groups.max()) + 1,
        "adapters": dict(Counter(used)),
        "primary": recipe.evaluate.metrics[0],
        "scores": _scores(recipe.evaluate.metrics, own, groups),
        "general": _scores(recipe.evaluate.metrics, alone, groups),
        "difference": _difference(measure, own, alone, groups),
    }


def trained_on(whole: BankFolder) -> frozenset[str]:
    """Contents that the general adapter or any group's was trained on, in any generation."""
    found = set(Pinned.of(whole.general).contents)
    for path in sorted(whole.rows.glob("*.parquet")):
        found |= set(rows.read([path]).frame["content"])
    return frozenset(found)


def _scores(names: Sequence[str], seen: Scored, groups: np.ndarray) -> dict[str, Any]:
    found = {name: interval(metrics.load(name), seen, groups) for name in names}
    return {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in found.items()}


def _difference(measure: Measure, one: Scored, other: Scored, groups: np.ndarray) -> dict[str, Any]:
    found = measure.compare(one, other, groups)
    numbers = {"value": found.difference, "low": found.low, "high": found.high, "p_value": found.p_value}
    return {"metric": measure.metric.name} | numbers | {"outcome": found.outcome}
