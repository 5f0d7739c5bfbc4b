"""What each predictor says of every row of a bank that was tested: `predictions.parquet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ftkit import runs
from ftkit.statistics import predictions as stored

if TYPE_CHECKING:
    import numpy as np

    from ftkit.bank.told import Told


def write(told: Told, scores: Mapping[str, np.ndarray], fold: np.ndarray, names: Sequence[str]) -> None:
    """The long table; `scores` are of the rows by predictor, `names` those of the metrics, the primary one first."""
    recipe, frame = told.recipe, told.kept.frame
    slices = {name: frame[name].tolist() for name in frame.columns if name.startswith("slice.")}
    common: dict[str, Any] = {name: frame[name].tolist() for name in ("row_id", "input_hash", "unit", "group", "gold")}
    common |= {"slices": {name.removeprefix("slice."): values for name, values in slices.items()}}
    frames = [
        stored.frame_of(
            **common,
            split="test",
            prediction=recipe.task.decode(said, told.labels),
            scores=said,
            labels=told.labels,
            predictor=name,
            seed=recipe.seed,
            kind=recipe.task.kind,
            fold=fold,
        )
        for name, said in scores.items()
    ]
    stored.write(
        pd.concat(frames, ignore_index=True),
        told.folder.path / runs.PREDICTIONS,
        labels=told.labels,
        task=recipe.task.name,
        metrics=list(names),
        primary=names[0],
    )
