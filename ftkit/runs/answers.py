"""What the delivered adapter said of each test row, as pages list it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ftkit.training.fitting import Outcome

SLICE = "slice."


def answers_of(outcome: Outcome, predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Test rows of the delivered seed: row_id, gold, prediction, confidence, input, slices. Not for hidden rows."""
    mine = predictions[(predictions["predictor"] == "adapted") & (predictions["seed"] == outcome.delivered)]
    if mine.empty:
        return []
    confidence = outcome.session.recipe.task.confidence(np.stack(mine["scores"].to_list()))
    rows = outcome.session.splits.rows.frame
    inputs = dict(zip(rows["row_id"], rows["input"], strict=True))
    slices = [name for name in map(str, mine) if name.startswith(SLICE)]
    values = mine[slices].rename(columns=lambda name: str(name).removeprefix(SLICE)).to_dict("records")
    return [
        {
            "row_id": row_id,
            "gold": _labels(gold),
            "prediction": _labels(prediction),
            "confidence": float(sure),
            "input": list(inputs[row_id]),
            "slices": parts,
        }
        for row_id, gold, prediction, sure, parts in zip(
            mine["row_id"], mine["gold"], mine["prediction"], confidence, values, strict=True
        )
    ]


def _labels(cell: Any) -> str | list[str] | None:
    return cell if cell is None or isinstance(cell, str) else list(cell)
