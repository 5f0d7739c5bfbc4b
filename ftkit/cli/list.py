"""Tasks, methods, metrics, recipes or runs, with what each is for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ftkit.console import console

What = Annotated[str | None, typer.Argument(metavar="WHAT", help="tasks, methods, metrics, recipes or runs.")]
Folder = Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Where to look for runs.", show_default=False)]
Schema = Annotated[bool, typer.Option("--schema", help="The JSON schema of a recipe, for editors.")]


def command(what: What = None, folder: Folder = None, schema: Schema = False) -> None:
    """Example: ftkit list methods"""
    from ftkit.verbs import listing

    found = listing.schema() if schema else listing.collect(what, folder)
    console.result(listing.text(found), found.document)
    console.next(found.next)
