"""Changes to a recipe from the command line: dotted keys and YAML values, put into a tree of plain values."""

from __future__ import annotations

import copy
import functools
import operator
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ftkit.recipe import yaml_text
from ftkit.recipe.paths import anchor

ENTRIES = {"task": "tasks", "method": "methods"}
"""recipe keys that name an entry of a registry -> its folder"""


def changed(
    tree: Mapping[str, Any], changes: Iterable[tuple[str, str]], lines: dict[str, str] | None = None
) -> dict[str, Any]:
    """A copy with the changes made; in `lines` (dotted key -> place) they stand on the command line.

    Names of task and method go first, because their other keys hang on them.
    """
    lines = {} if lines is None else lines
    result = copy.deepcopy(dict(tree))
    for key, text in sorted(changes, key=lambda change: change[0].removesuffix(".name") not in ENTRIES):
        patch: dict[str, Any] = {}
        value = yaml_text.value(text)
        parts = [key, "name"] if key in ENTRIES and isinstance(value, str) else key.split(".")
        put(patch, parts, value)
        anchor(patch, Path.cwd())
        put(result, parts, functools.reduce(operator.getitem, parts, patch))
        for depth in range(1, len(parts)):  # the nearest place is told for a key that lies deeper
            lines.setdefault(".".join(parts[:depth]), "command line")
        lines[".".join(parts)] = "command line"
    return result


def put(tree: dict[str, Any], parts: list[str], value: Any) -> None:
    """Set a nested value; what stands in the way becomes a mapping."""
    *parents, last = parts
    for parent in parents:
        child = tree.get(parent)
        if isinstance(child, str) and parent in ENTRIES:
            child = {"name": child}
        tree[parent] = child if isinstance(child, dict) else {}
        if parents == [parent] and parent in ENTRIES and last == "name" and tree[parent].get("name") != value:
            tree[parent] = {}  # the keys of another task or method would only be unknown to this one
        tree = tree[parent]
    tree[last] = value
