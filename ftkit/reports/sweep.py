"""The page of a sweep: its table of scores, and every run with a link to its own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.reports.page import page

SECTIONS = {"scores": "Scores", "runs": "Runs"}


def render_sweep(
    name: str, grid: Sequence[Sequence[str]], shown: Mapping[str, Sequence[str]], document: Mapping[str, Any]
) -> str:
    """The whole `sweep.html`.

    `grid` is the table as text, its heading first; `shown` the varied values of each run as text; `document`
    what `--json` says.
    """
    head, *lines = grid
    runs = document["runs"]
    varied = list(runs[0]["values"])
    facts = {"title": name, "subtitle": [f"{len(runs)} runs", *varied], "sections": SECTIONS, "varied": varied}
    return page("sweep.html", head=head, lines=lines, table=document["table"], runs=runs, shown=shown, **facts)
