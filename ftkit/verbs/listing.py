"""What there is to choose from: tasks, methods, metrics, recipes and runs. Nothing is imported to list it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftkit import folders, registry
from ftkit.console import table
from ftkit.errors import InputError, did_you_mean
from ftkit.folders import RUNS, at_generation, is_bank, is_run
from ftkit.recipe import shipped

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Listing:
    """One or several tables (`kind` -> rows), and the command that follows from them."""

    document: dict[str, Any]
    next: str


def collect(what: str | None, folder: Path | None = None) -> Listing:
    """The tables asked for; all but the runs when `what` is None. The runs in a folder are meant by its path alone."""
    what, folder = _located(what, folder)
    if what == "runs":
        found = runs(folder or RUNS)
        return Listing({"runs": found}, "ftkit predict RUN FILE" if found else "ftkit train FILE")
    chosen = [what] if what else [kind for kind in KINDS if kind != "runs"]
    follow = {"recipes": "ftkit new NAME", "methods": "ftkit train FILE --method NAME"}
    return Listing({kind: KINDS[kind]() for kind in chosen}, follow.get(what or "", "ftkit new NAME-or-DATA"))


def scores(
    what: str | None, folder: Path | None, style: str | None, rows: str, columns: str, metric: str
) -> tuple[str, Listing]:
    """Mean and sd of the runs in a folder, by two recipe keys: as text in the `style` asked for, and as a document."""
    what, folder = _located(what or "runs", folder)
    if style is None:
        raise InputError("--rows, --columns and --metric shape a table", "add --table md")
    if what != "runs":
        raise InputError(f"there is no table of {what}", "ftkit list FOLDER --table md, with a folder that holds runs")
    from ftkit.search import formats, gathering, table

    found = table.tabulate(gathering.gather(_existing(folder or RUNS)), rows, columns, metric)
    named = shlex.quote(str(folder or RUNS))
    again = f"ftkit list {named} --table {style} --rows KEY --columns KEY, for other keys"
    return formats.FORMATS[style](found), Listing(formats.document(found), again)


def _located(what: str | None, folder: Path | None) -> tuple[str | None, Path | None]:
    """The kind, and the folder where runs are meant."""
    if what is not None and what not in KINDS:
        if folder is not None or not Path(what).is_dir():
            raise InputError(f"there is no list of {what!r}", did_you_mean(what, KINDS))
        return "runs", Path(what)
    if folder is not None and what != "runs":
        raise InputError("a folder can only be given for runs", f"ftkit list runs {folder}")
    return what, folder


def schema() -> Listing:
    """The JSON schema of a recipe, which editors complete from."""
    from ftkit.recipe import schema

    return Listing(schema(), "ftkit list --schema > recipe.schema.json, and name it in your editor")


def _entries(kind: str) -> Callable[[], Rows]:
    return lambda: [{"name": name, "summary": registry.summary(kind, name)} for name in registry.names(kind)]


def _recipes() -> Rows:
    return [{"name": name, "summary": shipped.summary(path)} for name, path in shipped.recipes().items()]


def runs(folder: Path) -> Rows:
    """The runs in a folder and its sweeps, by name; one whose report cannot be read is listed with its status alone."""
    if folder == RUNS and not folder.exists():
        return []
    return [_run(path, folder) for path in folders.runs_in(_existing(folder))]


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", "ftkit list runs FOLDER, with a folder that holds runs")
    return folder


def must_be_runs(folders: Iterable[Path]) -> None:
    """Refuse what is not even a folder, before anything else looks for it on a hub."""
    for folder in folders:
        if is_bank(folder):
            general = at_generation(folder)[0] / "general"
            raise InputError(f"{folder}: is a bank, not a run", f"{general} is its general run")
        if not folder.is_dir():
            near = [str(path) for path in RUNS.glob("*") if is_run(path)]
            raise InputError(f"{folder}: no such run", did_you_mean(str(folder), near) or "ftkit train FILE makes one")
        inside = [str(path) for path in folder.glob("*") if is_run(path)]
        if inside and not is_run(folder):
            raise InputError(f"{folder}: holds runs, but is none itself", did_you_mean("", inside))


def _run(path: Path, folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": path.relative_to(folder).as_posix(), "status": folders.state(path)}
    try:
        report = json.loads((path / "report.json").read_text(encoding="utf-8"))
        primary = report["primary"]
        row |= {"task": report["task"], "method": report["method"], "metric": primary}
        row |= {"score": report["scores"]["test"][primary], "verdict": (report.get("verdict") or {}).get("outcome")}
    except (OSError, ValueError, KeyError, TypeError):  # no report yet, or a damaged one: the row says so
        row.setdefault("task", None)
    if row["status"] == "failed":
        from ftkit.search.sweep import error_of

        row["error"] = error_of(path)
    return row


KINDS: dict[str, Callable[[], Rows]] = {
    "tasks": _entries("tasks"),
    "methods": _entries("methods"),
    "metrics": _entries("metrics"),
    "recipes": _recipes,
    "runs": lambda: runs(RUNS),
}


def text(listing: Listing) -> str:
    """The tables for people, each under its name where there are several; a schema as JSON."""
    parts = []
    for kind, rows in listing.document.items():
        if kind not in KINDS:
            return json.dumps(listing.document, ensure_ascii=False, indent=2)
        drawn = _runs_table(rows) if kind == "runs" else _table(rows)
        parts.append(f"{kind}\n\n{drawn}" if len(listing.document) > 1 else drawn)
    return "\n\n".join(parts)


def _table(rows: Rows) -> str:
    return table([[row["name"], row["summary"]] for row in rows], ["name", "what it is"])


def _runs_table(rows: Rows) -> str:
    if not rows:
        return "no runs here"
    cells = [
        [row["name"], row["status"], *(str(row.get(key) or "–") for key in ("task", "method")), _score(row), _said(row)]
        for row in rows
    ]
    return table(cells, ["name", "status", "task", "method", "score", "verdict"])


def _said(row: dict[str, Any]) -> str:
    from ftkit.search.sweep import cut

    return str(row.get("verdict") or cut(row.get("error") or "–", width=60))


def _score(row: dict[str, Any]) -> str:
    from ftkit.reports import words

    score = row.get("score")
    if not isinstance(score, dict) or score.get("value") is None:
        return "–"
    between = words.interval(score.get("low"), score.get("high"))
    return f"{row['metric']} {words.score(score['value'])}" + (f" ({between})" if between else "")
