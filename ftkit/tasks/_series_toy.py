"""The toy of the series task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ftkit.tasks._series import KEY

POINTS = 16


def write(folder: Path) -> dict[str, Any]:
    """Write 24 windows of two channels with their labels, and a random base; returns the recipe keys."""
    import torch
    from transformers import ViTConfig, ViTModel

    random = np.random.default_rng(0)
    moments = np.linspace(0, 1, POINTS)
    rows = []
    for label, turns, level in (("fruit", 1.0, 1.5), ("tool", 3.0, -1.5)):
        for _ in range(12):
            phase = random.uniform(0, 2 * np.pi)
            swing = 2 * np.pi * turns * moments + phase
            noise = random.normal(0, 0.1, (2, POINTS))
            x, y = level + np.sin(swing) + noise[0], np.cos(swing) - level + noise[1]
            rows.append({"x": x.round(3).tolist(), "y": y.round(3).tolist(), "label": label})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "toy.jsonl").write_text(lines, encoding="utf-8")
    torch.manual_seed(0)
    scaling: dict[str, Any] = {KEY: {"points": POINTS, "channels": 2, "normalise": "none", "offset": [], "scale": []}}
    config = ViTConfig(
        num_channels=2,
        image_size=(1, POINTS),
        patch_size=(1, 2),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        **scaling,
    )
    ViTModel(config).save_pretrained(folder / "base")
    return {
        "base": str(folder / "base"),
        "task": {"name": "series_classification", "channels": ["x", "y"], "label": "label"},
        "data": {"train": str(folder / "toy.jsonl"), "folds": 2},
    }
