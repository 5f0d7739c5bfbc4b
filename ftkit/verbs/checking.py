"""Every fault of recipe and data, and what a base would make of the rows, without training."""

from __future__ import annotations

import dataclasses
from typing import Any

from ftkit import bases, privacy
from ftkit.data import coverage
from ftkit.data.prepare import prepare
from ftkit.data.splits import used_only
from ftkit.models import planned
from ftkit.recipe import Recipe
from ftkit.runs.masking import mask_of


def check(recipe: Recipe) -> dict[str, Any]:
    """The data report, with the findings that need the base's tokenizer."""
    privacy.hide(recipe.report.rows == "hide")
    recipe, splits = prepare(recipe)
    splits = used_only(splits)
    base = bases.resolve(recipe.base, recipe.seed)
    rows = splits.rows.frame
    encoded = recipe.task.encode(rows["input"].to_list(), recipe.task.processor(base))
    mask = mask_of(splits.rows.labels)
    data = dataclasses.asdict(splits.report)
    data["label_counts"] = mask.counts(data["label_counts"])
    data |= coverage.rates(encoded)
    findings = (*coverage.findings(recipe, rows["input"].to_list(), encoded), *splits.report.findings)
    data |= {"folds": splits.folds, "findings": [dataclasses.asdict(one) for one in findings]}
    return data | {"trains": planned.trains(recipe, base)}
