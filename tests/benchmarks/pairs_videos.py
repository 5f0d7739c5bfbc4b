"""Pairs of videos: from cameras that see in colour to cameras of the night."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pairs import Pair, Rows, embedded

LORA = {"method.name": "lora", "method.layers": "last 2"}
"""in place of `auto`: to try all weights in every fold would be hours of a slow core"""


def cameras(data: Path, repetition: int) -> Rows:
    """All colour clips, but of scenes that also are monochrome; the 33 monochrome clips, tested in folds by scene.

    Ten of each label would leave two quiet clips to be tested. In folds, all are tested by models that have seen none
    of their scene, and at most ten clips of each label of other scenes.
    """
    folder = data / "cctv_fight_clips"
    frame = pd.read_csv(folder / "clips.csv")
    rows = pd.DataFrame({"file": embedded(folder, frame["file"]), "label": frame["label"], "scene": frame["scene"]})
    night = frame["image_type"] == "monochrome"
    shared = frame["scene"].isin(frame["scene"][night])
    return Rows(rows[~night & ~shared], rows[night])


PAIRS = (
    Pair(
        name="fights: colour → monochrome cameras",
        about="colour clips of fights and of nothing",
        rows=cameras,
        per_label=10,
        changes={
            "task.name": "video_classification",
            "task.label": "label",
            "data.unit": "scene",
            "evaluate.metrics": ["false_alarms_per_hour", "accuracy"],
        },
        source=LORA | {"train.epochs": 5},
        target=LORA | {"data.folds": 5},
        suffix="parquet",
        checkpoint="mobilenet-v2-0.35-224-backbone",
    ),
)
