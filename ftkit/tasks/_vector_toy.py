"""The toy of the task of vectors."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from ftkit.bases import own
from ftkit.tasks._vectors import KEY, NOISE, SPAN

POINTS = ((2.0, 2.0), (14.0, 2.0), (2.0, 10.0), (14.0, 10.0), (8.0, 6.0), (8.0, 2.0))
"""metres: where the access points hang"""
SILENT = 100


def strengths(random: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """dBm of each access point at (x, y, floor): less by 20 for each factor of ten, and by 15 for each ceiling."""
    points = np.array(POINTS)
    apart = np.hypot(*(points - place[:2]).T)
    ceilings = np.abs((np.arange(len(points)) % 2 + 1) - place[2])
    level = -38 - 20 * np.log10(np.maximum(apart, 1.0)) - 15 * ceilings + random.normal(0, 1.0, len(points))
    return np.where(level < -68, SILENT, level.round())


def write(folder: Path) -> dict[str, Any]:
    """Write 24 fingerprints of two floors with their positions, and a random base; returns the recipe keys."""
    import torch

    from ftkit.bases.vector_encoder import VectorConfig, VectorModel

    random = np.random.default_rng(0)
    names = [f"ap{i}" for i in range(1, len(POINTS) + 1)]
    rows = []
    for i in range(24):
        place = np.array([2.0 + 12 * (i % 2), 2.0 + 8 * (i // 2 % 2), 1 + i // 4 % 2])
        rows.append([*strengths(random, place).astype(int), *place[:2], int(place[2])])
    with (folder / "toy.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([(*names, "x", "y", "floor"), *rows])
    torch.manual_seed(0)
    table = {"columns": names, "offset": [NOISE], "scale": [SPAN]}
    config = VectorConfig(columns=len(names), hidden_size=32, num_hidden_layers=2, table=table)
    assert config.model_type == own.VECTOR and KEY == "table"
    VectorModel(config).save_pretrained(folder / "base")
    return {
        "base": str(folder / "base"),
        "task": {"name": "vector_regression", "inputs": names, "label": ["x", "y"], "floor": "floor"},
        "data": {"train": str(folder / "toy.csv"), "folds": 2},
    }
