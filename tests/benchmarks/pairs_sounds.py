"""Pairs of sounds: from some speakers to another one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pairs import Pair, Rows, embedded

SPEAKER = "theo"
"""the new one; the other five are the source"""
LABELLED = range(5, 15)
"""his takes of which some are labelled; the others, the official test takes 0 to 4 among them, are tested"""


def digits(data: Path, repetition: int) -> Rows:
    """Training takes of five speakers; of a sixth ten takes a digit to draw from, and fifteen to test."""
    folder = data / "spoken_digits"
    frame = pd.read_csv(folder / "metadata.csv")
    take = frame["file"].str.extract(r"_(\d+)\.wav$")[0].astype(int)
    rows = pd.DataFrame({"file": embedded(folder, frame["file"]), "digit": frame["digit"].astype(str)})
    mine, known = frame["speaker"] == SPEAKER, take.isin(LABELLED)
    return Rows(rows[~mine & (frame["split"] == "train")], rows[mine & known], rows[mine & ~known])


PAIRS = (
    Pair(
        name="spoken digits: 5 speakers → a sixth",
        about="spoken digits of 5 speakers",
        rows=digits,
        per_label=3,
        changes={"task.name": "audio_classification", "task.label": "digit", "task.max_seconds": 1.5},
        source={"method.name": "lora", "method.layers": "last 2", "train.epochs": 3},
        suffix="parquet",
        checkpoint="whisper-tiny.en-encoder",
    ),
)
