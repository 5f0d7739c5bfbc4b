"""Which values of a recipe are paths, and where they lead."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA_FILE = re.compile(r".*\.(csv|tsv|tab|txt|jsonl?|ndjson|conll|iob2?|bio|parquet|pq|xlsx?)(\.gz)?", re.IGNORECASE)
"""names that are taken for paths also where nothing of that name exists; a hub id may hold a dot too"""

IMAGES = (".jpg", ".jpeg", ".png", ".webp")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
CLIPS = (".mp4", ".mkv", ".avi", ".webm", ".mov", ".m4v", ".mpg", ".mpeg")
"""endings of files that are rows by themselves, lower case"""

PACKAGED = ("minilm",)
"""bases that come as Python packages, as in `ftkit.bases.packaged`"""

GENERAL = ("train", "none")
"""values of `bank.general` that name no run"""


def anchor(tree: dict[str, Any], folder: Path) -> None:
    """Make paths absolute: relative to the recipe in a recipe, to the working folder on the command line."""
    _rewrite(tree, "data.train", folder, _is_data)
    _rewrite(tree, "data.test", folder, _is_data)
    _rewrite(tree, "data.validation", folder, lambda value, path: value != "none" and _is_data(value, path))
    _rewrite(tree, "base", folder, _is_base)
    _rewrite(tree, "bank.general", folder, lambda value, path: value not in GENERAL)
    if isinstance(tree.get("base"), dict):
        _rewrite(tree, "base.config", folder, lambda value, path: True)
    for key in ("task", "task.name", "method", "method.name", "evaluate.metrics"):
        _rewrite(tree, key, folder, lambda value, _: value.endswith(".py"))


def _is_data(value: str, path: str) -> bool:
    return value.startswith((".", "/", "~")) or bool(DATA_FILE.fullmatch(value)) or os.path.exists(path)


def _is_base(value: str, path: str) -> bool:
    if value in PACKAGED:
        return False  # a folder of that name is written ./minilm
    inside = ("config.json", "recipe.yaml")
    return value.startswith((".", "/", "~")) or any(os.path.exists(os.path.join(path, name)) for name in inside)


def _rewrite(tree: dict[str, Any], dotted: str, folder: Path, is_path: Callable[[str, str], bool]) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        tree = tree.get(parent) or {}
        if not isinstance(tree, dict):
            return
    if last not in tree:
        return

    def absolute(value: Any) -> Any:
        if not isinstance(value, str) or value == "auto" or "\0" in value:
            return value
        path = os.path.abspath(folder / os.path.expanduser(value))
        return path if is_path(value, path) else value

    value = tree[last]
    tree[last] = [absolute(item) for item in value] if isinstance(value, list) else absolute(value)
