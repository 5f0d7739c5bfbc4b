"""A finished run as its folder tells it: settings, predictions, and the rows that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ftkit import files, folders, runs
from ftkit.bases.runs import must_be_complete
from ftkit.errors import InputError
from ftkit.recipe import yaml_text
from ftkit.statistics import predictions

AGAIN = "train the run again"
REPORTED = ("kind", "primary", "labels", "folds", "method", "base", "cost", "scores", "data")


@dataclass(frozen=True)
class Trained:
    """Rows that were trained or tuned on, by their ids and by what the model saw of them."""

    ids: frozenset[str]
    hashes: frozenset[str]


@dataclass(frozen=True)
class Run:
    """One run folder; equal folders give equal runs, whatever path led there."""

    path: Path
    report: Mapping[str, Any]
    recipe: Mapping[str, Any]
    """the tree of recipe.yaml"""
    labels: tuple[str, ...]
    """in the order of the scores"""
    task: str
    table: pa.Table
    """labelled test rows of every predictor and seed"""
    own: Trained
    """by the delivered adapter"""
    base: Trained
    """by the run that was its base"""

    @property
    def folds(self) -> int:
        """Folds in which its test rows were predicted; 0 where they were held out."""
        return int(self.report["folds"])

    @property
    def kind(self) -> str:
        """`label`, or `labels` for multi-label."""
        return str(self.report["kind"])

    def setting(self, key: str) -> Any:
        """A recipe key such as `data.unit`; None where the recipe does not say."""
        found: Any = self.recipe
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


def read_run(path: Path) -> Run:
    """Read a run folder; raises InputError where it is none, is not complete, or is damaged."""
    if not folders.is_run(path):
        inside = "its runs, such as " + str(path / "*") if folders.is_sweep(path) else "a folder that ftkit train wrote"
        raise InputError(f"{path}: is a folder, but not a run of ftkit", f"give {inside}")
    must_be_complete(path, str(path))
    report = _report(path / runs.REPORT)
    table, about = predictions.read_table(path / runs.PREDICTIONS)
    labels = about.get("labels")
    if labels != report["labels"] or about.get("task") != report["task"]:
        message = f"{path / runs.PREDICTIONS}: belongs to another run: its labels or its task are not those of the run"
        raise InputError(message, AGAIN)
    tested = pc.and_(pc.equal(table["split"], "test"), pc.is_valid(table["gold"]))
    own, base = _trained(path / runs.SPLITS)
    recipe = yaml_text.read(path / runs.RECIPE).tree
    return Run(path, report, recipe, tuple(labels), str(report["task"]), table.filter(tested), own, base)


def _report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise files.os_error(error, f"reading {path}") from error
    except ValueError:
        raise InputError(f"{path}: is damaged", AGAIN) from None
    missing = [key for key in REPORTED if key not in report] if isinstance(report, dict) else list(REPORTED)
    if missing:
        raise InputError(f"{path}: is no report of a run: it has no {', '.join(missing)}", AGAIN)
    return dict(report)


def _trained(path: Path) -> tuple[Trained, Trained]:
    """Rows of the run itself, and of the run that was its base."""
    try:
        table = pq.read_table(path, columns=["row_id", "input_hash", "split", "trained"])
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, so nobody knows what the run was trained on", AGAIN) from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: not readable as the rows of a run ({reason})", AGAIN) from None
    table = table.filter(table["trained"])
    earlier = pc.equal(table["split"], "base")
    return _known(table.filter(pc.invert(earlier))), _known(table.filter(earlier))


def _known(table: pa.Table) -> Trained:
    return Trained(frozenset(table["row_id"].to_pylist()), frozenset(table["input_hash"].to_pylist()))
