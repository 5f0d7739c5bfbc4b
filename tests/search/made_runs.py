"""Run folders and sweeps without a training: what tables and sweeps read of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftkit import files
from ftkit.recipe import Recipe, parse

TREE = {"task": "text_classification", "method": "lora", "data": {"train": "/data/a.csv", "test": "/data/t.csv"}}


def recipe(**changes: Any) -> Recipe:
    """A recipe with dotted keys (`__` for the dot) changed."""
    return parse(TREE, [(key.replace("__", "."), json.dumps(value)) for key, value in changes.items()])


def make_run(
    folder: Path,
    score: float | None = 0.5,
    state: str = "complete",
    seeds: list[float] | None = None,
    rows: int = 10,
    scores: Mapping[str, float | None] | None = None,
    primary: str = "accuracy",
    **changes: Any,
) -> Path:
    """A run folder with a recipe, a status, and a report where it is complete."""
    folder.mkdir(parents=True)
    made = recipe(**changes)
    (folder / "status").write_text(state + "\n")
    (folder / "recipe.yaml").write_text(made.to_yaml())
    if state != "complete":
        return folder
    paths = [made.data.test or made.data.train, made.data.train]
    report = {
        "task": made.task.name,
        "method": made.method.name,
        "primary": primary,
        "folds": 0,
        "scores": {"test": {name: {"value": value} for name, value in (scores or {primary: score}).items()}},
        "seeds": {"values": seeds} if seeds else None,
        "data": {"files": {str(path): f"sha256 of {path}" for path in paths}},
        "per_label": [{"label": "x", "rows": rows}],
    }
    files.write_json(folder / "report.json", report)
    return folder
