"""What the blocks of a recipe owe each other: metrics, keys and augmentations must fit the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ftkit import registry
from ftkit.errors import InputError, did_you_mean
from ftkit.recipe.blocks import Checker
from ftkit.recipe.changes import ENTRIES
from ftkit.tasks import Task


def entry(key: str, value: Any, checker: Checker) -> BaseModel | None:
    """The task or method of a recipe, from its name and keys; None where it has a fault."""
    tree = {"name": value} if isinstance(value, str) else value
    if not isinstance(tree, dict) or not isinstance(tree.get("name"), str):
        checker.add(key, "has no name", f"write {key}: {{name: …}}, one of {', '.join(registry.names(ENTRIES[key]))}")
        return None
    try:
        model: type[registry.Entry] = registry.load(ENTRIES[key], tree["name"])
    except InputError as error:
        checker.add(f"{key}.name", error.message, error.hint)
        return None
    return checker.check(model, tree, key)


def metrics(metrics: list[str], task: Any, checker: Checker) -> None:
    """One of ours must fit what the task predicts; a name that is nearly ours is a slip, any other a user's own."""
    known = registry.names("metrics")
    for name in metrics:
        if name in known and isinstance(task, Task) and task.kind not in registry.load("metrics", name).kinds:
            fits = ", ".join(one for one in known if task.kind in registry.load("metrics", one).kinds)
            checker.add("evaluate.metrics", f"{name} is no metric of {task.name}", f"choose from {fits}")
            continue
        hint = did_you_mean(name, known)
        if name not in known and not name.endswith(".py") and "/" not in name and hint.startswith("did you mean"):
            checker.add("evaluate.metrics", f"no metric named {name!r}", hint)


def numbers(task: Task, parts: Mapping[str, Any], checker: Checker) -> None:
    """Keys that go by label mean nothing where numbers are predicted."""
    by_label = {"data": ("per_label", "rare", "label_map"), "train": ("class_weight",)}
    for block, keys in by_label.items():
        for key in keys:
            given = parts.get(block)
            if given is not None and getattr(given, key) != type(given).model_fields[key].default:
                checker.add(f"{block}.{key}", f"{task.name} predicts numbers, which are no labels", "leave it out")


def augment(names: list[str], task: Task, checker: Checker) -> None:
    """Each task knows changes that keep its labels; a text has none."""
    for name in names:
        if name not in task.augmentations:
            hint = did_you_mean(name, task.augmentations) if task.augmentations else "leave out train.augment"
            checker.add("train.augment", f"{task.name} has no augmentation {name!r}", hint)
