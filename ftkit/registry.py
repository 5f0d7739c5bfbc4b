"""A registry is a folder: `ftkit/methods/lora.py` is the method `lora`.

Nothing is imported to list entries (the summary is the first line of the module's docstring), so
`ftkit list` stays instant.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict

from ftkit.errors import InputError, did_you_mean

ROOT = Path(__file__).parent


class Entry(BaseModel):
    """Base of tasks, methods and metrics: a frozen set of fields, which are the recipe's keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    name: str = ""
    """entry in the registry folder, or the path of a Python file of one's own"""


def names(kind: str) -> list[str]:
    """Names in a registry folder (`tasks`, `methods`, `metrics`, `cli`), sorted."""
    return list(_names(kind))


@cache  # a metric is looked up at each judgement of validation rows
def _names(kind: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (ROOT / kind).glob("*.py") if not path.stem.startswith("_")))


def summary(kind: str, name: str) -> str:
    """First line of the entry's docstring, read without importing it."""
    tree = ast.parse((ROOT / kind / f"{name}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def load(kind: str, name: str) -> Any:
    """The class of an entry; `name` may also be a path to a `.py` of the user's own."""
    if name.endswith(".py"):
        module = _from_file(Path(name))
    elif name in names(kind):
        module = importlib.import_module(f"ftkit.{kind}.{name}")
    else:
        raise InputError(f"no {kind[:-1]} named {name!r}", did_you_mean(name, names(kind)))
    base = _entries(importlib.import_module(f"ftkit.{kind}"))[0]
    found = [entry for entry in _entries(module) if issubclass(entry, base)]
    if len(found) != 1:
        hint = f"define one `class …({base.__name__})` in it, from ftkit.{kind}"
        raise InputError(f"{name}: expected one {kind[:-1]}, found {len(found)}", hint)
    return found[0]


def _entries(module: ModuleType) -> list[type[Entry]]:
    """The entry classes that a module defines itself, in its order."""
    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Entry)]
    return [entry for entry in dict.fromkeys(classes) if entry.__module__ == module.__name__]


def _from_file(path: Path) -> ModuleType:
    """Import a file once, so that two loads of it give the same class and entries of it can be equal."""
    place = str(path.absolute())
    module_name = f"ftkit_user_{path.stem}_{hashlib.sha256(place.encode()).hexdigest()[:8]}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    if not path.is_file():
        raise InputError(f"{path}: no such file", "give the path of a Python file")
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pydantic resolves annotations through it
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # code of the user's own may fail in any way
        del sys.modules[module_name]
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{path}: cannot be imported ({reason})", "mend it, or run with --debug") from error
    return module
