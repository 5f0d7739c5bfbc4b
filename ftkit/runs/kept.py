"""Evaluations that a run keeps: `RUN/evaluations/<hash of the data>/`, read instead of computed where nothing changed.

`report.json` says what it was made from (`kept.key`) and the sha256 of the tables beside it, so that a
folder that is damaged, half-written or from elsewhere is told from a sound one. `predictions.parquet`
holds the scored rows; `splits.parquet` all rows of the data (row_id, input_hash, trained), in its order.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ftkit import runs
from ftkit.bases import runs as finished
from ftkit.errors import FtkitError
from ftkit.files import replacing, sha256, write_json
from ftkit.recipe import Data, Recipe
from ftkit.runs.masking import mask_of
from ftkit.statistics import predictions

SCHEMA = 2


@dataclass(frozen=True)
class Place:
    """Where a run keeps its evaluation on some data."""

    run: Path
    file: str
    """as the user named it"""
    content: str
    """sha256 of the data"""
    recipe: Recipe
    """the run's, with what was said about reading"""

    @property
    def folder(self) -> Path:
        return self.run / runs.EVALUATIONS / self.content[:16]

    def key(self) -> str:
        """Of all that decides how the evaluation comes out, 64 hex digits."""
        tree = self.recipe.dump()
        adapter = finished.digest(self.run, finished.recorded(self.run)[1])
        made_from = [SCHEMA, self.content, adapter, sha256(self.run / runs.SPLITS), mask_of(()).fingerprint]
        text = json.dumps([*made_from, tree["task"], tree["data"], tree["evaluate"]], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

    def find(self) -> dict[str, Any] | None:
        """The report of the evaluation, if it is there and sound."""
        try:
            report: dict[str, Any] = json.loads((self.folder / runs.REPORT).read_text(encoding="utf-8"))
            known = report["kept"]
            if known["key"] != self.key():
                return None
            if any(sha256(self.folder / Path(name).name) != digest for name, digest in known["sha256"].items()):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, FtkitError):
            return None
        return report | {"run": str(self.run), "file": self.file, "folder": str(self.folder)}

    def keep(self, report: dict[str, Any], scored: pd.DataFrame | None, rows: pd.DataFrame) -> dict[str, Any]:
        """Write an evaluation, its report last, and return the report; `scored` is None where no row could be.

        The folder must be there.
        """
        tables = [runs.SPLITS]
        with replacing(self.folder / runs.SPLITS) as temporary:
            rows.to_parquet(temporary, index=False)
        if scored is not None:
            about = {name: report[name] for name in ("labels", "task", "primary")}
            metrics = list(report["scores"]["test"])
            predictions.write(scored, self.folder / runs.PREDICTIONS, metrics=metrics, **about)
            tables.append(runs.PREDICTIONS)
        report |= {"kept": {"key": self.key(), "sha256": {name: sha256(self.folder / name) for name in tables}}}
        write_json(self.folder / runs.REPORT, report)
        return report


def content_of(data: str, how: Data) -> str:
    """sha256 of a file, a folder's listing or a hub data set; raises InputError where it cannot be read."""
    from ftkit.data.read import read
    from ftkit.data.sources import locate

    path = locate(data)
    return sha256(path) if path is not None and path.is_file() else read(data, how).sha256
