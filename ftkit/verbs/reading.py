"""How a finished run reads another file: as its recipe says, unless the command says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftkit.errors import InputError
from ftkit.recipe import parse

if TYPE_CHECKING:
    from ftkit.recipe import Recipe

READING = ("delimiter", "quoting", "header", "encoding", "sheet", "columns", "label_map", "max_bad", "max_chars")
"""keys of `data` that say how a file is read; everything else is part of what the run is"""


def reread(recipe: Recipe, changes: Sequence[tuple[str, str]], also: Sequence[str] = ()) -> Recipe:
    """The recipe with other ways of reading; raises InputError for a key that is about anything else.

    `also` are keys of the task that may be changed.
    """
    for key, _ in changes:
        block, _, name = key.partition(".")
        if block == "task" and name in also:
            continue
        if block != "data" or name.partition(".")[0] not in READING:
            known = ", ".join([*(f"data.{one}" for one in READING), *(f"task.{one}" for one in also)])
            raise InputError(f"--set {key}: is settled for a finished run", f"how FILE is read can be set: {known}")
    return parse(recipe.dump(), changes) if changes else recipe
