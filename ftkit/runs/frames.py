"""From fits and baselines to the long table of predictions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.gold import are_numbers, labels_of
from ftkit.data.table import Gold, Tags
from ftkit.metrics import Footage
from ftkit.privacy import Mask
from ftkit.runs.masking import masked_tags, shown_labels
from ftkit.statistics.predictions import frame_of
from ftkit.tasks import Task
from ftkit.training.deciding import every_seed
from ftkit.training.fitting import Outcome


def predictions_of(outcome: Outcome, mask: Mask) -> pd.DataFrame:
    """Test rows of every part, as predicted by each seed's adapter and by each baseline."""
    session = outcome.session
    tested = [part for part in session.splits.parts if len(part.test)]
    rows = np.concatenate([part.test for part in tested])
    tests, hashes = session.splits.rows.frame.iloc[rows], [session.prepared.hashes[i] for i in rows]
    common = columns(tests, hashes, mask) | {"footage": footage(session.recipe.task, tests, mask)}
    common["fold"] = np.repeat([part.fold for part in tested], [len(part.test) for part in tested])
    task, seeds = session.recipe.task, every_seed(session.recipe)
    said = {
        ("adapted", seed): task.scores(np.concatenate([outcome.fits[part.name, seed].logits for part in tested]))
        for seed in seeds
    }
    said |= {
        (name, seeds[0]): np.concatenate([scores[part.name] for part in tested])
        for name, scores in outcome.baselines.items()
    }
    frames = [
        frame(scores, name, seed, session.labels, task.decode(scores, session.labels), task.kind, common, mask)
        for (name, seed), scores in said.items()
    ]
    return pd.concat(frames, ignore_index=True)


def columns(rows: pd.DataFrame, hashes: list[str], mask: Mask) -> dict[str, Any]:
    """What all predictors share: hashes, gold labels, units, groups and slices of the rows."""

    def hashed(name: str) -> list[str | None]:
        return [None if value is None or pd.isna(value) else mask.digest(str(value)) for value in rows[name]]

    slices = {name.removeprefix("slice."): rows[name] for name in map(str, rows) if name.startswith("slice.")}
    return {
        "row_id": [mask.digest(one) for one in rows["row_id"]],
        "input_hash": [mask.digest(one) for one in hashes],
        "split": "test",
        "gold": masked(rows["gold"].to_list(), mask),
        "unit": hashed("unit"),
        "group": hashed("group"),
        "slices": {name: [mask.name(name, str(one)) for one in values] for name, values in slices.items()},
    }


def footage(task: Task, rows: pd.DataFrame, mask: Mask) -> Footage | None:
    """What metrics of video need to know of rows; None where they are none."""
    found = task.footage(rows["input"].to_list())
    if found is None or found.quiet is None:
        return found
    return replace(found, quiet=mask.name("label", found.quiet))


def frame(
    scores: np.ndarray,
    predictor: str,
    seed: int,
    labels: tuple[str, ...],
    decoded: list[Gold],
    kind: str,
    common: dict[str, Any],
    mask: Mask,
) -> pd.DataFrame:
    """The rows of one predictor."""
    shown = shown_labels(labels, kind, mask)
    prediction = masked(decoded, mask)
    return frame_of(
        prediction=prediction, scores=scores, labels=shown, predictor=predictor, seed=seed, kind=kind, **common
    )


def masked(gold: list[Gold], mask: Mask) -> list[Gold]:
    """Labels, or their stand-ins where rows are hidden; numbers, which name nothing, stay."""
    if not mask.on or are_numbers(gold):
        return gold
    return [
        masked_tags(one, mask)
        if isinstance(one, Tags)
        else mask.name("label", one)
        if isinstance(one, str)
        else None
        if one is None
        else tuple(mask.name("label", label) for label in labels_of(one))
        for one in gold
    ]
