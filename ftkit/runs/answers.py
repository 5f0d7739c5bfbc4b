"""What the delivered adapter said of each test row, as pages list it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ftkit.training.fitting import Outcome

SLICE = "slice."


def answers_of(outcome: Outcome, predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Test rows of the delivered seed: row_id, gold, prediction, confidence, input, slices. Not for hidden rows.

    Numbers come without a confidence.
    """
    mine = predictions[(predictions["predictor"] == "adapted") & (predictions["seed"] == outcome.delivered)]
    if mine.empty:
        return []
    task = outcome.session.recipe.task
    numbers = task.kind == "values"
    confidence = [None] * len(mine) if numbers else task.confidence(np.stack(mine["scores"].to_list())).tolist()
    rows = outcome.session.splits.rows.frame
    inputs = dict(zip(rows["row_id"], rows["input"], strict=True))
    slices = [name for name in map(str, mine) if name.startswith(SLICE)]
    values = mine[slices].rename(columns=lambda name: str(name).removeprefix(SLICE)).to_dict("records")
    return [
        {
            "row_id": row_id,
            "gold": _labels(gold),
            "prediction": _labels(prediction),
            "confidence": sure,
            "input": list(inputs[row_id]),
            "slices": parts,
        }
        for row_id, gold, prediction, sure, parts in zip(
            mine["row_id"], mine["gold"], mine["prediction"], confidence, values, strict=True
        )
    ]


def _labels(cell: Any) -> str | float | list[Any] | None:
    return cell if cell is None or isinstance(cell, (str, float)) else list(cell)
