"""A bank of eight users on the toy base: four of them call every fruit a tool, and every tool a fruit."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

from ftkit import registry
from ftkit.recipe import Recipe, parse

OTHERS = 4
"""users whose labels are the other way round"""
SWAPPED = {"fruit": "tool", "tool": "fruit"}


def write_rows(folder: Path, users: list[str], rows: int = 24) -> dict[str, Any]:
    """Write `rows.csv`, the toy's sentences as each user labels them, and the toy's base; returns recipe keys."""
    kind = registry.load("tasks", "text_classification")
    tree: dict[str, Any] = kind.toy(folder)
    with (folder / "toy.csv").open(encoding="utf-8") as file:
        sentences = list(csv.DictReader(file))
    chance, lines = random.Random(0), []
    for number, user in enumerate(users):
        for row in chance.sample(sentences, rows):
            label = row["label"] if number >= OTHERS else SWAPPED[row["label"]]
            lines.append({"text": row["text"], "label": label, "user": user})
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.DictWriter(file, ["text", "label", "user"])
        writer.writeheader()
        writer.writerows(lines)
    return tree


def recipe_for(folder: Path, users: list[str] | None = None, rows: int = 24, **changes: Any) -> Recipe:
    """A recipe that takes a second or two; `changes` are recipe keys with `__` for each dot."""
    tree = write_rows(folder, users or [f"user {i}" for i in range(8)], rows)
    tree |= {
        "data": {"train": str(folder / "rows.csv"), "folds": 2, "validation": "none", "annotator": "user"},
        "method": {"name": "lora", "layers": "last 1", "rank": 2},
        "train": {"epochs": 1, "threads": 1, "precision": "fp32"},
        "bank": {"by": "user", "lr": 0.1, "epochs": 12, "stack": 3},
    }
    return parse(tree).replace({key.replace("__", "."): value for key, value in changes.items()})
