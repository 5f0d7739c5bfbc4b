"""Pairs of pictures: from photos to cartoons and paintings, from one source of digits to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from pairs import Pair, Rows, embedded

DIGITS = str(Path(__file__).with_name("digits_vit"))
"""config of a model for digits, small enough to be trained from random weights"""
LORA = {"method.name": "lora", "method.layers": "last 2"}
"""in place of `auto`, and with a set number of passes: all twelve blocks in each fold would be hours of a slow core"""


def styles(data: Path, repetition: int, style: str) -> Rows:
    """All photos; pictures of another style, their official training part to draw from and their test part to test."""
    folder = data / "object_images_styles"
    frame = pd.read_csv(folder / "labels.csv")
    rows = pd.DataFrame({"file": embedded(folder, frame["file"]), "label": frame["label"]})
    here, training = frame["domain"] == style, frame["split"] == "train"
    return Rows(rows[frame["domain"] == "photo"], rows[here & training], rows[here & ~training])


def digits(data: Path, repetition: int) -> Rows:
    """Digits of MNIST; of USPS the training part to draw from, and the test part to test."""
    training, tested = (pd.read_parquet(data / "digits_two_sources" / f"{part}.parquet") for part in ("train", "test"))
    kept = [frame.assign(label=frame["label"].astype(str)) for frame in (training, tested)]
    source, pool, test = (
        frame[frame["source"] == name].rename(columns={"image": "file"})[["file", "label"]]
        for frame, name in ((kept[0], "mnist"), (kept[0], "usps"), (kept[1], "usps"))
    )
    return Rows(source, pool, test)


def _styles(style: str, per_label: int) -> Pair:
    rows: Callable[[Path, int], Rows] = partial(styles, style=style)
    return Pair(
        name=f"pictures: photo → {style.replace('_', ' ')}, {per_label} a class",
        about="photos of seven kinds of things",
        rows=rows,
        per_label=per_label,
        changes={"task.name": "image_classification", "task.label": "label"},
        source=LORA | {"train.epochs": 3},
        target=LORA | {"train.epochs": 5, "data.validation": "none"},
        suffix="parquet",
        checkpoint="vit-tiny-patch16-224",
    )


PAIRS = (
    *(_styles(style, per_label) for per_label in (5, 20) for style in ("cartoon", "art_painting")),
    Pair(
        name="digits: MNIST → USPS",
        about="digits of MNIST",
        rows=digits,
        per_label=10,
        changes={"task.name": "image_classification", "task.label": "label"},
        source={"base": {"config": DIGITS}, "method.name": "full", "train.epochs": 8},
        suffix="parquet",
    ),
)
