"""A pair of ratings: from the ratings of some people to those of others, on texts that nobody was shown before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pairs import Pair, Rows

PEOPLE = 18
"""new ones in a repetition: a fifth of the half that the source does not know"""
TESTED = 1 / 3
"""of the texts, which are in no training rows of anybody"""
LORA = {"method.name": "lora", "method.layers": "last 1"}
"""in place of `auto`: what one block of the base learns costs minutes, all of them would cost hours of a slow core"""


def annotators(data: Path, repetition: int) -> Rows:
    """Ratings by one half of the annotators; of 18 of the others those of the same texts, and of other texts to test.

    The halves and the texts are drawn once, so that the source stays the same.
    """
    frame = pd.read_csv(data / "offensiveness_by_annotator_en" / "ratings.csv")
    random = np.random.default_rng(0)
    people = random.permutation(sorted(frame["user_id"].unique()))
    texts = random.permutation(sorted(frame["text"].unique()))
    tested = frame["text"].isin(texts[: round(TESTED * len(texts))])
    known, others = np.split(people, 2)
    mine = frame["user_id"].isin(others[PEOPLE * repetition : PEOPLE * (repetition + 1)])
    rows = frame[["text", "offensiveness", "user_id"]]
    return Rows(rows[frame["user_id"].isin(known) & ~tested], rows[mine & ~tested], rows[mine & tested])


PAIRS = (
    Pair(
        name="offensiveness: 92 annotators → 18 others",
        about="ratings by 92 annotators",
        rows=annotators,
        per_label=None,
        changes={
            "task.name": "text_regression",
            "task.text": "text",
            "task.label": "offensiveness",
            "task.max_length": 96,
            "data.unit": "text",
            "data.annotator": "user_id",
        },
        source=LORA | {"base": "minilm", "train.epochs": 2},
        target=LORA | {"train.epochs": 5, "data.validation": 0.2},
    ),
)
