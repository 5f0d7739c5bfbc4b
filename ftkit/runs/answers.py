"""What the delivered adapter said of each test row, as pages list it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ftkit.data.tags import spans
from ftkit.tasks import Task
from ftkit.tasks._marked import described
from ftkit.training.fitting import Outcome

SLICE = "slice."
Cell = str | list[str] | None


def answers_of(outcome: Outcome, predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Test rows of the delivered seed: row_id, gold, prediction, right, confidence, input, slices. Not for hidden rows.

    Numbers come without a confidence. Of tags, gold and prediction are the spans as texts; `answer` has both as they
    are.
    """
    mine = predictions[(predictions["predictor"] == "adapted") & (predictions["seed"] == outcome.delivered)]
    if mine.empty:
        return []
    task, kept = outcome.session.recipe.task, mine["scores"].to_list()
    confidence = _confidence(task, kept)
    said = _spans if task.kind == "tags" else _whole
    rows = outcome.session.splits.rows.frame
    inputs = dict(zip(rows["row_id"], rows["input"], strict=True))
    slices = [name for name in map(str, mine) if name.startswith(SLICE)]
    values = mine[slices].rename(columns=lambda name: str(name).removeprefix(SLICE)).to_dict("records")
    return [
        {
            "row_id": row_id,
            **said(inputs[row_id], _labels(gold), _labels(prediction)),
            "confidence": sure,
            "slices": parts,
        }
        for row_id, gold, prediction, sure, parts in zip(
            mine["row_id"], mine["gold"], mine["prediction"], confidence, values, strict=True
        )
    ]


def _confidence(task: Task, kept: list[Any]) -> list[Any]:
    """How sure each answer is; of tags there is a probability for each predicted one, and the smallest counts."""
    if task.kind == "values":
        return [None] * len(kept)
    return [float(np.min(row)) for row in kept] if task.kind == "tags" else task.confidence(np.stack(kept)).tolist()


def _whole(input: tuple[str, ...], gold: Any, prediction: Any) -> dict[str, Any]:
    right = gold is not None and gold == prediction
    return {"gold": gold, "prediction": prediction, "right": right, "input": list(input), "answer": (gold, prediction)}


def _spans(tokens: tuple[str, ...], gold: Any, prediction: Any) -> dict[str, Any]:
    """A sentence as one text, and its spans as texts."""
    true, said = (described(tokens, tags or ()) for tags in (gold, prediction))
    right = spans(gold or ()) == spans(prediction or ())
    answer = {"right": right, "answer": (gold, prediction)}
    return {"gold": true, "prediction": said, "input": [" ".join(tokens)], **answer}


def _labels(cell: Any) -> Any:
    return cell if cell is None or isinstance(cell, (str, float)) else tuple(cell)
