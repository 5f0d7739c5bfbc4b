"""Start a recipe: from a shipped one, from data, or with example data."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ftkit.cli._options import Changes, Force, where
from ftkit.console import console

Out = Annotated[Path | None, where("recipe.yaml")]
Start = Annotated[str | None, typer.Argument(metavar="NAME-or-DATA", help="A shipped recipe, or data.")]
Example = Annotated[bool, typer.Option("--example", help="Write example data with its recipe, into a folder.")]


def command(
    changes: Changes, target: Start = None, out: Out = None, example: Example = False, force: Force = False
) -> None:
    """Example: ftkit new text_classification/lora --out recipe.yaml"""
    from ftkit.verbs import beginning

    written = beginning.begin(target, changes, out, example, force)
    console.result("\n".join(f"written: {path}" for path in written), {"written": [str(path) for path in written]})
    console.next(f"ftkit train {shlex.quote(str(written[0]))}")
