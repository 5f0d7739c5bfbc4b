"""What a source and a target are; the pairs themselves lie in `pairs_*.py`, by kind of input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Rows:
    """The tables of one repetition."""

    source: pd.DataFrame
    pool: pd.DataFrame
    """target rows of which some are drawn to be labelled"""
    test: pd.DataFrame | None = None
    """None: the pool is tested in folds"""


@dataclass(frozen=True)
class Pair:
    """A source and a target."""

    name: str
    about: str
    """the source in words"""
    rows: Callable[[Path, int], Rows]
    """(folder of the data sets, repetition); the source is the same each time"""
    per_label: int | None
    """target rows of each label that are labelled; None: all of the pool"""
    changes: Mapping[str, Any]
    """recipe keys of source and target"""
    source: Mapping[str, Any]
    """recipe keys of the source alone, its base among them where it does not start from random weights"""
    target: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = "jsonl"
    checkpoint: str = ""
    """that the source starts from, in the folder `models` beside that of the data; empty: its `base`"""

    def write(self, frame: pd.DataFrame, path: Path) -> str:
        """A table as a file of the pair's kind."""
        if self.suffix == "jsonl":
            frame.to_json(path, orient="records", lines=True, force_ascii=False)
        else:
            frame.to_parquet(path, index=False)
        return str(path)


def embedded(root: Path, names: pd.Series) -> list[dict[str, Any]]:
    """Files inside the cells of a table, which may name none outside its own folder: `{bytes, path}`."""
    return [{"bytes": (root / name).read_bytes(), "path": Path(name).name} for name in names]
