"""Compare finished runs from their folders alone: no model, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftkit import files, folders
from ftkit.comparison import across, document
from ftkit.comparison.document import Asked
from ftkit.comparison.entries import located
from ftkit.comparison.pairs import Which
from ftkit.errors import InputError
from ftkit.statistics.paired import MEETS
from ftkit.verbs.listing import must_be_runs

DOCUMENT, PAGE = "comparison.json", "comparison.html"


def compare(
    runs: Sequence[str | Path],
    pairs: Which = "first",
    metrics: Sequence[str] = (),
    margin: float | None = None,
    cluster: str | None = None,
    require: str | None = None,
    command: str = "",
    on: Sequence[str] = (),
    changes: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The comparison of run folders as a document; `RUN:linear_probe` is a baseline of a run.

    The first is the reference. `margin` is the smallest difference that matters. `require` adds a
    `gate`, which says whether the outcome of every pair by the primary metric meets it, and of every
    run on every data set in `on`, read with `changes` (dotted key, YAML). Raises InputError for
    folders that are no runs, and for runs that cannot be compared.
    """
    words = [str(run) for run in runs]
    must_be_runs(located(word)[0] for word in words)
    if margin is not None and not 0 <= margin < float("inf"):
        raise InputError(
            f"--margin {margin:g}: is no size of a difference", "such as --margin 0.01, which is one point"
        )
    asked = Asked(words, pairs, metrics, margin, cluster, command)
    found = _crossed(asked, on, changes) if on else document.compare(asked)
    return found | {"gate": None if require is None else _gate(found, require)}


def _crossed(asked: Asked, files: Sequence[str], changes: Sequence[tuple[str, str]]) -> dict[str, Any]:
    from ftkit.verbs import crossing

    entries = across.runs_of(asked)
    folders, names = [entry.run.path for entry in entries], [entry.name for entry in entries]
    metric = asked.metrics[0] if asked.metrics else None
    return across.across(asked, entries, crossing.cross(folders, files, metric, asked.margin, changes, names))


def _gate(found: dict[str, Any], require: str) -> dict[str, Any]:
    decisive = [one for one in found["comparisons"] if one["metric"] == found["primary"]]
    decisive += across.outcomes(found["matrix"]) if found["matrix"] else []
    failed = [one for one in decisive if one["outcome"] not in MEETS[require]]
    named = [{key: one[key] for key in ("a", "b", "set", "outcome") if key in one} for one in failed]
    return {"require": require, "met": bool(decisive) and not failed, "failed": named}


def gate_line(gate: dict[str, Any]) -> str:
    """Which pairs do not meet what was required."""
    told = ", ".join(
        f"{one['a']} against {one['b']}{' on ' + one['set'] if 'set' in one else ''}: {one['outcome']}"
        for one in gate["failed"]
    )
    told = told or "nothing could be compared"
    return f"--require {gate['require']} is not met: {told}"


def write(found: dict[str, Any], out: Path | None, force: bool) -> Path:
    """Write `comparison.json` and `comparison.html` into `out`, or `comparisons/<n>`, and return that folder."""
    from ftkit.reports.comparison import render_comparison

    page = render_comparison(found)  # before anything is written
    folder = folders.new_comparison_folder(out, force, DOCUMENT)
    files.write_json(folder / DOCUMENT, found)
    files.write_text(folder / PAGE, page)
    return folder
