"""What `ftkit compare` can be asked: its options, as one parameter of the verb."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from ftkit.cli._options import Shared

Runs = Annotated[
    list[str], typer.Argument(metavar="RUN", help="Runs, the reference first; one bank; or BANK@1 BANK@2.")
]
On = Annotated[
    list[str] | None, typer.Option("--on", metavar="FILE", help="Score every run on other data, too; repeatable.")
]
Which = Literal["first", "all"]
Requirement = Literal["not-worse", "better", "equivalent"]


def question(
    pairs: Annotated[Which, typer.Option("--pairs", help="All against the first, or all pairs.")] = "first",
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME", help="May be repeated; the first one decides.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option("--margin", metavar="X", help="Smallest difference that matters.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="COL", help="Column of what hangs together, or none.")
    ] = None,
    require: Annotated[
        Requirement | None, typer.Option("--require", help="Exit with 3 unless every outcome meets it.")
    ] = None,
) -> dict[str, Any]:
    """The options as `ftkit.verbs.comparing.compare` takes them."""
    return {"pairs": pairs, "metrics": metric or (), "margin": margin, "cluster": cluster, "require": require}


Question = Annotated[dict[str, Any], Shared(question)]
