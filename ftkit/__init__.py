"""Fine-tune a pretrained model on a small target with one command, and say honestly whether it helped."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftkit.recipe import Recipe as Recipe
    from ftkit.verbs.comparing import compare as compare
    from ftkit.verbs.evaluating import evaluate as evaluate
    from ftkit.verbs.predicting import predict as predict
    from ftkit.verbs.starting import train as train

__version__ = "0.1.0"

_OFFERED = {
    "Recipe": "ftkit.recipe",
    "compare": "ftkit.verbs.comparing",
    "evaluate": "ftkit.verbs.evaluating",
    "predict": "ftkit.verbs.predicting",
    "train": "ftkit.verbs.starting",
}
"""public name: module it comes from, imported when it is first asked for (most bring torch)"""


def __getattr__(name: str) -> Any:
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_OFFERED[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_OFFERED])
