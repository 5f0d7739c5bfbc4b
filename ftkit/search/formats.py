"""A table of scores as people and papers want it: terminal, Markdown, CSV, LaTeX, and a document for `--json`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

from ftkit import console
from ftkit.reports import words
from ftkit.search.table import Cell, Table, short_names

NONE = words.NONE
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "±": r"$\pm$",
    "−": "$-$",
    "[": "{[}",  # at the start of a line it would belong to the \\\\ before
    "]": "{]}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def terminal(table: Table) -> str:
    """Aligned columns with the caption above and the notes below."""
    head, *rows = grid(table)
    return "\n".join([table.caption, "", console.table(rows, head), *_remarks(table)])


def markdown(table: Table) -> str:
    """A pipe table, the caption above and the notes below."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(re.sub(r"[\\|*`<]", r"\\\g<0>", cell) for cell in cells) + " |"

    head, *rows = grid(table)
    rule = "| " + " | ".join(["---"] * len(head)) + " |"
    return "\n".join([table.caption, "", line(head), rule, *map(line, rows), *_remarks(table)])


def latex(table: Table) -> str:
    """A `tabular` with the rules of the package booktabs; caption and notes as comments."""

    def line(cells: list[str]) -> str:
        return " & ".join(map(_escaped, cells)) + r" \\"

    head, *rows = grid(table)
    inner = [r"\toprule", line(head), r"\midrule", *map(line, rows), r"\bottomrule"]
    begin = rf"\begin{{tabular}}{{{'l' * len(head)}}}"
    comments = [f"% {text}" for text in (table.caption, *table.notes)]
    return "\n".join([*comments, begin, *inner, r"\end{tabular}"])


def comma_separated(table: Table) -> str:
    """A line for each cell: its row and column, mean, sd, number of trainings and of failed runs."""
    text = io.StringIO()
    keys = [table.row_key, table.column_key] if table.column_key else [table.row_key]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*keys, "metric", "mean", "sd", "n", "failed"])
    for (row, column), cell in _cells(table):
        place = [row, column] if table.column_key else [row]
        figures = ["" if value is None else f"{value:.6g}" for value in (cell.mean, cell.sd)]
        writer.writerow([*place, table.metric, *figures, len(cell.values), cell.failed])
    return text.getvalue().removesuffix("\n")


FORMATS: dict[str, Callable[[Table], str]] = {"md": markdown, "csv": comma_separated, "latex": latex}


def document(table: Table) -> dict[str, Any]:
    """The same in plain values."""
    cells = [
        {
            "row": row,
            "column": column if table.column_key else None,
            "mean": cell.mean,
            "sd": cell.sd,
            "n": len(cell.values),
            "failed": cell.failed,
            "runs": [entry.name for entry in cell.entries],
        }
        for (row, column), cell in _cells(table)
    ]
    keys = {"rows": table.row_key, "columns": table.column_key or None, "metric": table.metric}
    return keys | {"cells": cells, "caption": table.caption, "notes": list(table.notes)}


def grid(table: Table) -> list[list[str]]:
    """Heading and lines, as text: what every form but CSV is made of."""
    rows, columns = short_names(table.row_key, table.rows), short_names(table.column_key, table.columns)
    head = [table.row_key, *(columns[column] if table.column_key else table.metric for column in table.columns)]
    lines = [
        [rows[row], *(figure(table.cells.get((row, column), Cell())) for column in table.columns)] for row in table.rows
    ]
    return [[" ".join(cell.split()) for cell in line] for line in [head, *lines]]


def figure(cell: Cell) -> str:
    """`0.812 ± 0.011 (n=5, 1 failed)`; a single training has no spread."""
    counts = [f"n={len(cell.values)}"] if cell.values else []
    counts += [f"{cell.failed} failed"] if cell.failed else []
    if cell.mean is None:
        return ", ".join(counts) or NONE
    mean = words.score(cell.mean)
    digits = len(mean.partition(".")[2])
    spread = f" ± {cell.sd:.{digits}f}" if cell.sd is not None else ""
    return f"{mean}{spread} ({', '.join(counts)})"


def _cells(table: Table) -> list[tuple[tuple[str, str], Cell]]:
    """Those that hold runs, row by row, under the names that people see."""
    rows, columns = short_names(table.row_key, table.rows), short_names(table.column_key, table.columns)
    return [
        ((rows[row], columns[column]), table.cells[row, column])
        for row in table.rows
        for column in table.columns
        if (row, column) in table.cells
    ]


def _remarks(table: Table) -> list[str]:
    return ["", *table.notes] if table.notes else []


def _escaped(text: str) -> str:
    return re.sub(r"[\\~^–±−&%$#_{}[\]]", lambda found: _LATEX[found[0]], text)
