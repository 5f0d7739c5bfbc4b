"""A bank of eight users on the toy base: four of them call every fruit a tool, and every tool a fruit.

Of numbers, the same four pay the more for what costs others less, or carry a map that is turned round. Of tags, they
mark a fruit where others mark a tool.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path
from typing import Any

from ftkit import registry, runs
from ftkit.bank import index
from ftkit.bank.records import PROMOTED
from ftkit.recipe import Recipe, parse

OTHERS = 4
"""users whose labels are the other way round"""
SWAPPED = {"fruit": "tool", "tool": "fruit"}


def write_rows(
    folder: Path, users: list[str], rows: int = 24, wording: str = "", others: int = OTHERS
) -> dict[str, Any]:
    """Write `rows.csv`, the toy's sentences as each user labels them, and the toy's base; returns recipe keys.

    With `wording`, those who label the other way round say it in each of their sentences.
    """
    kind = registry.load("tasks", "text_classification")
    tree: dict[str, Any] = kind.toy(folder)
    with (folder / "toy.csv").open(encoding="utf-8") as file:
        sentences = list(csv.DictReader(file))
    chance, lines = random.Random(0), []
    for number, user in enumerate(users):
        for row in chance.sample(sentences, rows):
            label = row["label"] if number >= others else SWAPPED[row["label"]]
            said = f"{wording} {row['text']}" if wording and number < others else row["text"]
            lines.append({"text": said, "label": label, "user": user})
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.DictWriter(file, ["text", "label", "user"])
        writer.writeheader()
        writer.writerows(lines)
    return tree


def write_windows(folder: Path, users: list[str], rows: int = 12) -> dict[str, Any]:
    """Write `rows.jsonl`, the toy's series as each user labels them, and its base; returns recipe keys."""
    tree: dict[str, Any] = registry.load("tasks", "series_classification").toy(folder)
    windows = [json.loads(line) for line in (folder / "toy.jsonl").read_text(encoding="utf-8").splitlines()]
    chance, lines = random.Random(0), []
    for number, user in enumerate(users):
        for one in chance.sample(windows, rows + number):
            label = one["label"] if number >= OTHERS else SWAPPED[one["label"]]
            lines.append(json.dumps(one | {"label": label, "user": user}))
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tree


def write_tags(folder: Path, users: list[str], rows: int = 16) -> dict[str, Any]:
    """Write `rows.jsonl`, the toy's sentences as each user marks what is in them, and its base; returns recipe keys."""
    tree: dict[str, Any] = registry.load("tasks", "token_classification").toy(folder)
    known = [json.loads(line) for line in (folder / "toy.jsonl").read_text(encoding="utf-8").splitlines()]
    chance, lines = random.Random(0), []
    for number, user in enumerate(users):
        for row in chance.sample(known, rows + number % 3):
            tags = row["tags"] if number >= OTHERS else list(map(swapped_tag, row["tags"]))
            lines.append(json.dumps({"tokens": row["tokens"], "tags": tags, "user": user}))
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tree


def swapped_tag(tag: str) -> str:
    """The same begin or inside of the other kind of thing."""
    return tag if tag == "O" else f"{tag[:2]}{SWAPPED[tag[2:]]}"


def write_numbers(folder: Path, task: str, users: list[str], rows: int = 14) -> dict[str, Any]:
    """Write `rows.csv`, the toy's texts or fingerprints with the numbers of each user, and its base; returns keys."""
    tree: dict[str, Any] = registry.load("tasks", task).toy(folder)
    with (folder / "toy.csv").open(encoding="utf-8") as file:
        known = list(csv.DictReader(file))
    chance, lines = random.Random(0), []
    for number, user in enumerate(users):
        for row in chance.sample(known, rows + number % 3):
            lines.append((row if number >= OTHERS else row | _otherwise(row)) | {"user": user})
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return tree


def _otherwise(row: dict[str, str]) -> dict[str, str]:
    return {"label": str(100 - float(row["label"]))} if "label" in row else {"x": str(16 - float(row["x"]))}


def recipe_for(
    folder: Path,
    users: list[str] | None = None,
    rows: int = 24,
    wording: str = "",
    others: int = OTHERS,
    **changes: Any,
) -> Recipe:
    """A recipe that takes a second or two; `changes` are recipe keys with `__` for each dot."""
    tree = write_rows(folder, users or [f"user {i}" for i in range(8)], rows, wording, others)
    return _recipe(tree, folder / "rows.csv", changes)


def series_recipe_for(folder: Path, **changes: Any) -> Recipe:
    """The same of eight users' windows, 12 to 19 of each."""
    return _recipe(write_windows(folder, [f"user {i}" for i in range(8)]), folder / "rows.jsonl", changes)


def tags_recipe_for(folder: Path, users: list[str] | None = None, **changes: Any) -> Recipe:
    """The same of eight users' sentences with tags, 16 to 18 of each."""
    tree = write_tags(folder, users or [f"user {i}" for i in range(8)])
    return _recipe(tree, folder / "rows.jsonl", changes)


def numbers_recipe_for(folder: Path, task: str, **changes: Any) -> Recipe:
    """The same of numbers: eight users' prices (`text_regression`) or places (`vector_regression`)."""
    tree = write_numbers(folder, task, [f"user {i}" for i in range(8)])
    slower = {"bank__lr": 0.05, "bank__epochs": 24} if task == "text_regression" else {"bank__lr": 0.02}
    return _recipe(tree, folder / "rows.csv", {"train__epochs": 3} | slower | changes)


def _recipe(tree: dict[str, Any], file: Path, changes: dict[str, Any]) -> Recipe:
    tree |= {
        "data": {"train": str(file), "folds": 2, "validation": "none", "annotator": "user"},
        "method": {"name": "lora", "layers": "last 1", "rank": 2},
        "train": {"epochs": 1, "threads": 1, "precision": "fp32"},
        "bank": {"by": "user", "lr": 0.1, "epochs": 12, "stack": 3},
    }
    return parse(tree).replace({key.replace("__", "."): value for key, value in changes.items()})


def copied(bank: Path, place: Path) -> Path:
    """A copy of a bank that may change, beside its rows."""
    for rows in bank.parent.glob("rows.*"):
        shutil.copy(rows, place)
    return Path(shutil.copytree(bank, place / "bank"))


def promoted_in(bank: Path) -> list[str]:
    """Names of the groups that use an adapter of their own."""
    with index.opened(bank / "index.sqlite") as found:
        return [str(one.record.name) for one in found.all() if one.outcome == PROMOTED]


def report_of(bank: Path) -> Any:
    """A bank's report."""
    return json.loads((bank / runs.REPORT).read_text(encoding="utf-8"))
