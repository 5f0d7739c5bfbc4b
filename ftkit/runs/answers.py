"""What the delivered adapter said of each test row, as pages list it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.tags import spans
from ftkit.tasks._marked import described
from ftkit.training.fitting import Outcome

SLICE = "slice."
Cell = str | list[str] | None


def answers_of(outcome: Outcome, predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Test rows of the delivered seed: row_id, gold, prediction, right, confidence, input, slices. Not for hidden rows.

    Of tags, gold and prediction are the spans as texts; `answer` has both as they are.
    """
    mine = predictions[(predictions["predictor"] == "adapted") & (predictions["seed"] == outcome.delivered)]
    if mine.empty:
        return []
    task, kept = outcome.session.recipe.task, mine["scores"].to_list()
    tagged = task.kind == "tags"  # then there is a probability for each predicted tag
    confidence = [float(np.min(row)) for row in kept] if tagged else task.confidence(np.stack(kept))
    said = _spans if tagged else _whole
    rows = outcome.session.splits.rows.frame
    inputs = dict(zip(rows["row_id"], rows["input"], strict=True))
    slices = [name for name in map(str, mine) if name.startswith(SLICE)]
    values = mine[slices].rename(columns=lambda name: str(name).removeprefix(SLICE)).to_dict("records")
    return [
        {
            "row_id": row_id,
            **said(inputs[row_id], _labels(gold), _labels(prediction)),
            "confidence": float(sure),
            "slices": parts,
        }
        for row_id, gold, prediction, sure, parts in zip(
            mine["row_id"], mine["gold"], mine["prediction"], confidence, values, strict=True
        )
    ]


def _whole(input: tuple[str, ...], gold: Cell, prediction: Cell) -> dict[str, Any]:
    right = gold is not None and gold == prediction
    return {"gold": gold, "prediction": prediction, "right": right, "input": list(input), "answer": (gold, prediction)}


def _spans(tokens: tuple[str, ...], gold: Cell, prediction: Cell) -> dict[str, Any]:
    """A sentence as one text, and its spans as texts."""
    true, said = (described(tokens, tags or ()) for tags in (gold, prediction))
    right = spans(gold or ()) == spans(prediction or ())
    answer = {"right": right, "answer": (gold, prediction)}
    return {"gold": true, "prediction": said, "input": [" ".join(tokens)], **answer}


def _labels(cell: Any) -> Cell:
    return cell if cell is None or isinstance(cell, str) else list(cell)
