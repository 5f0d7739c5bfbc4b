"""Tasks, methods, metrics, recipes or runs, with what each is for; scores of many runs as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ftkit.console import console

What = Annotated[
    str | None, typer.Argument(metavar="WHAT", help="tasks, methods, metrics, recipes, runs, or a folder of runs.")
]
Folder = Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Where to look for runs.", show_default=False)]
Schema = Annotated[bool, typer.Option("--schema", help="The JSON schema of a recipe, for editors.")]
Table = Annotated[
    Literal["md", "csv", "latex"] | None, typer.Option("--table", help="Scores of the runs, as mean ± sd.")
]
Rows = Annotated[str, typer.Option("--rows", metavar="KEY", help="Recipe key of the table's rows.")]
Columns = Annotated[str, typer.Option("--columns", metavar="KEY", help="Of its columns, or none.")]
Metric = Annotated[str, typer.Option("--metric", metavar="NAME", help="What is shown, if not the primary metric.")]


def command(
    what: What = None,
    folder: Folder = None,
    schema: Schema = False,
    table: Table = None,
    rows: Rows = "",
    columns: Columns = "",
    metric: Metric = "",
) -> None:
    """Example: ftkit list runs --table md --rows method.name"""
    from ftkit.verbs import listing

    if table or rows or columns or metric:
        text, found = listing.scores(what, folder, table, rows, columns, metric)
        for note in found.document["notes"] if table == "csv" else ():  # where they would be data
            console.say(note)
    else:
        found = listing.schema() if schema else listing.collect(what, folder)
        text = listing.text(found)
    console.result(text, found.document)
    console.next(found.next)
