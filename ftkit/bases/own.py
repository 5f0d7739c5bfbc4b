"""Kinds of models that are ours: transformers knows them once their file is imported."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

VECTOR = "ftkit_vector"
FILES = {VECTOR: "vector_encoder"}
"""`model_type` → the module of this folder that defines it"""


def register(kind: object) -> None:
    """Make a kind known to transformers' `Auto` classes; nothing to do for those that it knows itself."""
    if kind in FILES:
        importlib.import_module(f"ftkit.bases.{FILES[str(kind)]}")


def register_for(folder: Path) -> None:
    """The same for the kind that a model folder holds; a folder without a config holds none."""
    try:
        register(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type"))
    except (OSError, ValueError, AttributeError):
        return


def source(kind: str) -> str:
    """The Python that defines a kind, from its first import on."""
    text = (Path(__file__).parent / f"{FILES[kind]}.py").read_text(encoding="utf-8")
    return text[text.index("from typing") :]
